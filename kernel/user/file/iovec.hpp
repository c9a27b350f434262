// SPDX-License-Identifier: Apache-2.0
// The user's array of struct iovec, checked as Linux checks it.
#pragma once

#include "kernel/user/file/call_support.hpp"

namespace runnel::user {

inline constexpr u64 kMaxRanges = 1024;         // UIO_MAXIOV
inline constexpr u64 kMaxTransfer = 0x7ffff000; // MAX_RW_COUNT: longer requests are cut to it

class UserRanges {
 public:
  /// kINVAL, kFAULT, kNOMEM.
  Result<> read(u64 address, u64 count);
  std::span<const fs::IoSegment> get() { return ranges_.span(); }

 private:
  HeapArray<fs::IoSegment> ranges_;
};

} // namespace runnel::user
