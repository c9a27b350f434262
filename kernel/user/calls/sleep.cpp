// SPDX-License-Identifier: Apache-2.0
// Sleeping for a time: nanosleep, clock_nanosleep.
#include "kernel/time/sleep.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/cpu_time/clock.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/thread.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {
namespace {

constexpr u32 kAbsolute = 1;

i64 resume(RestartBlock& block);

/// What is left of a relative sleep, where the caller wants it. Without a handler it goes on to the same end.
i64 interrupted(u64 until, u64 remainder_to) {
  if (remainder_to != 0) {
    const u64 now = time::now().ns;
    if (const auto told = write_user(remainder_to, to_timespec(until > now ? until - now : 0)); !told)
      return negative(told.error());
  }
  current_thread().signals.restart = {.resume = resume, .args = {until, remainder_to}};
  return kRestartRestartBlock;
}

i64 resume(RestartBlock& block) {
  const u64 until = block.args[0], remainder_to = block.args[1];
  return sleep_until_interruptible({until}) == time::SleepResult::kTimedOut
             ? 0
             : interrupted(until, remainder_to);
}

i64 sleep(u64 from, u64 remainder_to, u32 flags, u64 lead) {
  const auto length = read_timespec(from);
  if (!length) return negative(length.error());
  const bool is_absolute = (flags & kAbsolute) != 0;
  const u64 now = time::now().ns;
  u64 until = is_absolute ? (*length > lead ? *length - lead : 0) : *length + now;
  if (until > kNever.ns || (!is_absolute && until < now)) until = kNever.ns;
  if (until <= now) return 0;
  if (sleep_until_interruptible({until}) == time::SleepResult::kTimedOut) return 0;
  return is_absolute ? kRestartNoHand : interrupted(until, remainder_to);
}

} // namespace

i64 sys_nanosleep(u64 from, u64 remainder_to) { return sleep(from, remainder_to, 0, 0); }

i64 sys_clock_nanosleep(i32 clock, u32 flags, u64 from, u64 remainder_to) {
  if (clock != kClockThreadCpu && is_cpu_clock(clock)) {
    const auto length = read_timespec(from);
    return length ? cpu_clock_sleep(clock, flags, *length, remainder_to) : negative(length.error());
  }
  const auto lead = clock_lead(clock);
  if (!lead) return negative(lead.error());
  return sleep(from, remainder_to, flags, *lead);
}

} // namespace runnel::user
