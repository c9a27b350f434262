// SPDX-License-Identifier: Apache-2.0
// Until when a futex call waits.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/uaccess.hpp"

#include <algorithm>

namespace runnel::user {

enum class FutexClock : u8 { kRelative, kMonotonic, kRealtime };

/// kINVAL: no valid time.
constexpr Result<Instant> futex_until(const Timespec& time, FutexClock clock, Instant now) {
  constexpr i64 kSecond = 1'000'000'000;
  constexpr i64 kLongest = i64{1} << 32; // seconds; longer is for ever, and nothing overflows
  if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= kSecond) return err(Errno::kINVAL);
  if (time.seconds >= kLongest) return kNever;
  const u64 ns = static_cast<u64>(time.seconds) * kSecond + static_cast<u64>(time.nanoseconds);
  switch (clock) {
  case FutexClock::kRelative:
    return Instant{now.ns + ns};
  case FutexClock::kMonotonic:
    return Instant{ns};
  case FutexClock::kRealtime:
    break;
  }
  return Instant{ns - std::min(ns, kRealtimeAtBoot)};
}

/// Of a struct timespec in user memory. kFAULT, kINVAL.
inline Result<Instant> read_futex_timeout(u64 from, FutexClock clock) {
  const auto time = read_user<Timespec>(from);
  if (!time) return err(time.error());
  return futex_until(*time, clock, time::now());
}

} // namespace runnel::user
