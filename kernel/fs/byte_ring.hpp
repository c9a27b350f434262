// SPDX-License-Identifier: Apache-2.0
// Bytes on their way from writers to readers, in pages that exist while there is something in them.
#pragma once

#include "kernel/fs/io_buffer.hpp"
#include "kernel/lib/errno.hpp"

#include <atomic>

namespace runnel::fs {

/// One lock of the owner's around everything but used(), which may be asked without.
class ByteRing {
 public:
  static constexpr u64 kCapacity = 64 * 1024;

  ByteRing() = default;
  ~ByteRing() { clear(); }
  ByteRing(const ByteRing&) = delete;
  ByteRing& operator=(const ByteRing&) = delete;

  u64 used() const { return put_.load(std::memory_order_acquire) - got_.load(std::memory_order_acquire); }
  u64 room() const { return kCapacity - used(); }

  /// Up to `size` bytes in / out, not more than there is room / are there. Short: user memory faulted (kFAULT
  /// when nothing went over) or no pages (kNOMEM).
  Result<usize> put(IoBuffer& from, u64 size);
  Result<usize> take(IoBuffer& to, u64 size);
  /// As take, but the bytes stay; `offset` bytes are left out in front.
  Result<usize> peek(IoBuffer& to, u64 offset, u64 size);
  void discard(u64 size);
  /// Takes back what was put last.
  void unput(u64 size) { put_.store(put_.load(std::memory_order_relaxed) - size, std::memory_order_release); }
  void clear();

 private:
  static constexpr u32 kPages = kCapacity / kPageSize;
  std::byte*& page_of(u64 position) { return pages_[position / kPageSize % kPages]; }
  void release_spare();

  std::atomic<u64> put_{0};
  std::atomic<u64> got_{0};
  std::byte* pages_[kPages] = {};
  std::byte* spare_ = nullptr; // one page kept: the usual pipe is filled and emptied again and again
};

} // namespace runnel::fs
