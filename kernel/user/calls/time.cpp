// SPDX-License-Identifier: Apache-2.0
// Reading clocks. Seam (time): sleeping, timers, setting, namespaces.
#include "kernel/time/clock.hpp"

#include "kernel/user/calls.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/cpu_time/clock.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

#include <sched/sched.hpp>

namespace runnel::user {

Result<u64> clock_value(i32 clock) {
  switch (clock) {
  case kClockRealtime:
  case kClockRealtimeCoarse:
  case kClockTai:
    return kRealtimeAtBoot + time::now().ns;
  case kClockMonotonic:
  case kClockMonotonicRaw:
  case kClockMonotonicCoarse:
  case kClockBoottime:
    return time::now().ns;
  default:
    const auto cpu = cpu_clock(clock);
    return cpu ? cpu_clock_value(*cpu) : err(Errno::kINVAL);
  }
}

Result<u64> clock_lead(i32 clock) {
  switch (clock) {
  case kClockRealtime:
  case kClockTai:
    return kRealtimeAtBoot;
  case kClockMonotonic:
  case kClockBoottime:
    return 0;
  case kClockThreadCpu:
  case kClockMonotonicRaw:
  case kClockRealtimeCoarse:
  case kClockMonotonicCoarse:
    return err(Errno::kOPNOTSUPP);
  default:
    return err(is_descriptor_clock(clock) ? Errno::kOPNOTSUPP : Errno::kINVAL);
  }
}

Instant deadline_after(const Timespec& t) {
  constexpr i64 kLongest = 100LL * 365 * 24 * 3600; // s; a clock of 64 bits of nanoseconds goes no further
  if (t.seconds > kLongest) return kNever;
  return time::now() + Duration{t.seconds * 1'000'000'000 + t.nanoseconds};
}

Result<u64> read_timespec(u64 from) {
  const auto time = read_user<Timespec>(from);
  return time ? to_ns(*time) : err(time.error());
}

i64 sys_clock_gettime(i32 clock, u64 to) {
  const auto now = clock_value(clock);
  if (!now) return negative(now.error());
  return to_syscall(write_user(to, to_timespec(*now)));
}

i64 sys_clock_getres(i32 clock, u64 to) {
  constexpr u64 kTickNs = 4'000'000;
  u64 resolution = 1;
  if (const auto cpu = cpu_clock(clock)) {
    if (const auto known = check_cpu_clock(*cpu); !known) return to_syscall(known);
    if (cpu->which != CpuClock::kRun) resolution = kTickNs;
  } else if (const auto known = clock_value(clock); !known) {
    return negative(known.error());
  }
  if (clock == kClockRealtimeCoarse || clock == kClockMonotonicCoarse) resolution = kTickNs;
  return to == 0 ? 0 : to_syscall(write_user(to, to_timespec(resolution)));
}

i64 sys_gettimeofday(u64 to, u64 zone) {
  struct Pair {
    i64 seconds, microseconds;
  };
  const auto now = to_timespec(*clock_value(kClockRealtime));
  if (to != 0)
    if (const auto written = write_user(to, Pair{now.seconds, now.nanoseconds / 1000}); !written)
      return negative(written.error());
  return zone == 0 ? 0 : to_syscall(write_user(zone, u64{0}));
}

i64 sys_time(u64 to) {
  const i64 now = to_timespec(*clock_value(kClockRealtime)).seconds;
  if (to != 0)
    if (const auto written = write_user(to, now); !written) return negative(written.error());
  return now;
}

} // namespace runnel::user
