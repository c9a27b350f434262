// SPDX-License-Identifier: Apache-2.0
// The clocks a user can ask for, by Linux's numbers.
#pragma once

#include "kernel/lib/errno.hpp"

namespace runnel::user {

enum : i32 {
  kClockRealtime = 0,
  kClockMonotonic = 1,
  kClockProcessCpu = 2,
  kClockThreadCpu = 3,
  kClockMonotonicRaw = 4,
  kClockRealtimeCoarse = 5,
  kClockMonotonicCoarse = 6,
  kClockBoottime = 7,
  kClockTai = 11,
};

/// The wall clock starts here, 2026-01-01 00:00 UTC: no clock of the host is read, so that a deterministic
/// run stays one. In nanoseconds since 1970.
inline constexpr u64 kRealtimeAtBoot = u64{1'767'225'600} * 1'000'000'000;

/// Nanoseconds on that clock; kINVAL: no such clock. Current thread.
Result<u64> clock_value(i32 clock);

/// How far a clock that can be slept by is ahead of the monotonic one, in nanoseconds. kINVAL: no such clock,
/// or a process's of processor time; kOPNOTSUPP: not to be slept by.
Result<u64> clock_lead(i32 clock);

struct Timespec {
  i64 seconds = 0, nanoseconds = 0;
};
constexpr Timespec to_timespec(u64 ns) {
  constexpr u64 kSecond = 1'000'000'000;
  return {static_cast<i64>(ns / kSecond), static_cast<i64>(ns % kSecond)};
}

constexpr bool is_valid(const Timespec& t) {
  return t.seconds >= 0 && t.nanoseconds >= 0 && t.nanoseconds < 1'000'000'000;
}
/// That long from now on the monotonic clock; times that are too long never come.
Instant deadline_after(const Timespec& t);

/// kINVAL: negative, or more nanoseconds than a second has. More than 272 years are that many.
constexpr Result<u64> to_ns(const Timespec& time) {
  constexpr i64 kSecond = 1'000'000'000, kLongest = i64{1} << 33;
  if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= kSecond) return err(Errno::kINVAL);
  return static_cast<u64>((time.seconds < kLongest ? time.seconds : kLongest) * kSecond + time.nanoseconds);
}
/// A user's struct timespec. kFAULT, kINVAL.
Result<u64> read_timespec(u64 from);

struct Timeval {
  i64 seconds = 0, microseconds = 0;
};
/// kINVAL: negative, or more microseconds than a second has.
constexpr Result<u64> to_ns(const Timeval& time) {
  constexpr i64 kMicrosecond = 1000, kSecond = 1'000'000;
  if (time.microseconds < 0 || time.microseconds >= kSecond) return err(Errno::kINVAL);
  return to_ns(Timespec{time.seconds, time.microseconds * kMicrosecond});
}
constexpr Timeval to_timeval(u64 ns) {
  const Timespec time = to_timespec(ns);
  return {time.seconds, time.nanoseconds / 1000};
}

} // namespace runnel::user
