// SPDX-License-Identifier: Apache-2.0
// User memory that a read() fills or a write() empties: one range, or the ranges of readv() and writev() one
// after the other.
#pragma once

#include "kernel/lib/errno.hpp"

#include <span>

namespace runnel::user {

/// struct iovec.
struct UserRange {
  u64 address = 0;
  u64 size = 0;
};
inline constexpr usize kMaxRanges = 1024;       // UIO_MAXIOV
inline constexpr u64 kMaxTransfer = 0x7ffff000; // MAX_RW_COUNT: longer requests are cut to it

class UserBuffer {
 public:
  /// `range` outlives the buffer, as `ranges` do.
  explicit UserBuffer(std::span<const UserRange> ranges);

  /// Bytes left.
  u64 size() const { return left_; }
  /// Copies up to `size` bytes from user memory and moves on; how many. Fewer than asked for (and left): the
  /// next byte cannot be read.
  usize take(void* to, usize size);
  /// The same to user memory.
  usize give(const void* from, usize size);

 private:
  template <typename Copy> usize move(usize size, Copy copy);

  std::span<const UserRange> ranges_;
  u64 offset_ = 0; // in the first of ranges_
  u64 left_ = 0;
};

} // namespace runnel::user
