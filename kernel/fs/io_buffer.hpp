// SPDX-License-Identifier: Apache-2.0
// Where the bytes of a read go and those of a write come from: one or more pieces of user memory, or of the
// kernel's own. File objects see this only, so that they work without user mode.
#pragma once

#include "kernel/lib/types.hpp"

#include <span>

namespace runnel::fs {

/// Laid out as Linux's struct iovec on both architectures.
struct IoSegment {
  u64 base = 0;
  u64 size = 0;
};

enum class IoSpace : u8 { kUser, kKernel };

/// Consumed from the front. Copies may fault and sleep: no spinlock held.
class IoBuffer {
 public:
  IoBuffer(u64 user_address, u64 size) : one_{user_address, size}, segments_(&one_, 1), left_(size) {}
  IoBuffer(void* memory, usize size)
      : one_{reinterpret_cast<uptr>(memory), size}, segments_(&one_, 1), left_(size),
        space_(IoSpace::kKernel) {}
  IoBuffer(const void* memory, usize size) : IoBuffer(const_cast<void*>(memory), size) {}
  /// The segments stay the caller's; the sum of their sizes does not wrap.
  IoBuffer(std::span<const IoSegment> segments, IoSpace space);
  IoBuffer(const IoBuffer&) = delete;
  IoBuffer& operator=(const IoBuffer&) = delete;

  u64 left() const { return left_; }
  u64 done() const { return done_; }
  bool empty() const { return left_ == 0; }

  /// Copies into the buffer / out of it; how many bytes, less than `size` (and left()) when user memory
  /// faulted.
  usize put(const void* from, usize size);
  usize put_zeros(usize size);
  usize take(void* to, usize size);

 private:
  template <typename Copy> usize walk(usize size, Copy copy);

  IoSegment one_;
  std::span<const IoSegment> segments_;
  u64 offset_ = 0; // in segments_.front()
  u64 left_ = 0;
  u64 done_ = 0;
  IoSpace space_ = IoSpace::kUser;
};

} // namespace runnel::fs
