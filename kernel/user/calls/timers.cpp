// SPDX-License-Identifier: Apache-2.0
// Timers that send signals: timer_create and its family, setitimer, getitimer, alarm.
#include "kernel/mm/kmalloc.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/cpu_time/clock_id.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/timers/process_timers.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {
namespace {

constexpr u64 kSecond = 1'000'000'000;

struct UserTimes {
  Timespec interval, value;
};
/// struct sigevent as far as the kernel looks at it.
struct SigEvent {
  u64 value;
  i32 signo;
  i32 notify;
  i32 tid;
  i32 rest[11];
};
static_assert(sizeof(SigEvent) == 64);

UserTimes to_user(const TimerTimes& times) { return {to_timespec(times.interval), to_timespec(times.value)}; }

bool is_own_thread(i32 tid) {
  Process& process = current_process();
  const IrqSpinGuard guard(process.lock);
  for (const Thread& thread : process.threads)
    if (static_cast<i64>(thread.tid()) == tid) return true;
  return false;
}

/// `wanted`: nullptr for what it is without.
Result<TimerSignal> signal_of(const SigEvent* wanted, i32 id) {
  enum : i32 { kSignal = 0, kNone = 1, kThread = 2, kThreadId = 4 };
  if (wanted == nullptr)
    return TimerSignal{.signo = kSigAlrm, .code = kSiTimer, .id = id, .value = static_cast<u64>(id)};
  TimerSignal signal{.signo = wanted->signo, .code = kSiTimer, .id = id, .value = wanted->value};
  switch (wanted->notify) {
  case kNone:
    signal.signo = 0;
    return signal;
  case kThreadId:
    if (!is_own_thread(wanted->tid)) return err(Errno::kINVAL);
    signal.tid = static_cast<u32>(wanted->tid);
    break;
  case kSignal:
  case kThread: // the C library's; to the kernel a signal
    break;
  default:
    return err(Errno::kINVAL);
  }
  if (signal.signo < 1 || signal.signo > kNrSignals) return err(Errno::kINVAL);
  return signal;
}

/// action(PosixTimer&) with the process's timers locked.
template <typename Action> i64 with_timer(i32 id, Action action) {
  const auto timers = own_timers();
  if (!timers) return negative(timers.error());
  const MutexGuard guard((*timers)->lock);
  PosixTimer* const timer = (*timers)->find(id);
  return timer == nullptr ? negative(Errno::kINVAL) : action(*timer);
}

struct UserInterval {
  Timeval interval, value;
};
UserInterval to_interval(const TimerTimes& times) {
  // One that is armed never shows 0.
  const u64 value = times.value != 0 && times.value < 1000 ? 1000 : times.value;
  return {to_timeval(times.interval), to_timeval(value)};
}

enum : i32 { kReal = 0, kVirtual = 1, kProf = 2 };

bool is_itimer(i32 which) { return which >= kReal && which <= kProf; }
CpuClock clock_of(i32 which) { return which == kProf ? CpuClock::kProf : CpuClock::kVirtual; }

Result<TimerTimes> set_real(u64 value, u64 interval) {
  const auto timers = own_timers();
  if (!timers) return err(timers.error());
  const MutexGuard guard((*timers)->lock);
  return value == 0 ? (*timers)->real.stop() : (*timers)->real.start(time::now().ns + value, interval);
}

} // namespace

i64 sys_timer_create(i32 clock, u64 event, u64 id_to) {
  SigEvent wanted;
  if (event != 0) {
    const auto read = read_user<SigEvent>(event);
    if (!read) return negative(read.error());
    wanted = *read;
  }
  // Whose processor time it is, is looked at last.
  if (const auto lead = clock_lead(clock); !lead && !is_cpu_clock(clock)) return negative(lead.error());
  const auto timers = own_timers();
  if (!timers) return negative(Errno::kAGAIN);
  const MutexGuard guard((*timers)->lock);
  if ((*timers)->nr_posix >= current_process().limits[kLimitSignals].soft) return negative(Errno::kAGAIN);
  const i32 id = (*timers)->next_id;
  const auto signal = signal_of(event != 0 ? &wanted : nullptr, id);
  if (!signal) return negative(signal.error());
  if (const auto told = write_user(id_to, id); !told) return negative(told.error());
  const auto timer = PosixTimer::create(current_process(), *signal, clock);
  if (!timer) return negative(timer.error() == Errno::kNOMEM ? Errno::kAGAIN : timer.error());
  ++(*timers)->next_id;
  ++(*timers)->nr_posix;
  (*timers)->posix.push_back(**timer);
  return 0;
}

i64 sys_timer_settime(i32 id, u32 flags, u64 from, u64 old_to) {
  constexpr u32 kAbsolute = 1;
  if (from == 0) return negative(Errno::kINVAL);
  const auto wanted = read_user<UserTimes>(from);
  if (!wanted) return negative(wanted.error());
  const auto value = to_ns(wanted->value), interval = to_ns(wanted->interval);
  if (!value || !interval) return negative(Errno::kINVAL);
  TimerTimes old;
  const i64 result = with_timer(id, [&](PosixTimer& timer) -> i64 {
    const auto how = (flags & kAbsolute) != 0 ? TimerStart::kAbsolute : TimerStart::kRelative;
    const auto set = timer.set(how, *value, *interval);
    if (!set) return negative(set.error());
    old = *set;
    return 0;
  });
  return result != 0 || old_to == 0 ? result : to_syscall(write_user(old_to, to_user(old)));
}

i64 sys_timer_gettime(i32 id, u64 to) {
  TimerTimes left;
  const i64 result = with_timer(id, [&](PosixTimer& timer) -> i64 {
    left = timer.left();
    return 0;
  });
  return result != 0 ? result : to_syscall(write_user(to, to_user(left)));
}

i64 sys_timer_getoverrun(i32 id) {
  return with_timer(id, [](PosixTimer& timer) -> i64 { return timer.overrun(); });
}

i64 sys_timer_delete(i32 id) NO_THREAD_SAFETY_ANALYSIS { // of the lock that with_timer holds
  return with_timer(id, [](PosixTimer& timer) NO_THREAD_SAFETY_ANALYSIS -> i64 {
    ProcessTimers& timers = **own_timers();
    List<PosixTimer, &PosixTimer::in_process>::erase(timer);
    --timers.nr_posix;
    mm::kdelete(&timer);
    return 0;
  });
}

i64 sys_setitimer(i32 which, u64 from, u64 old_to) {
  UserInterval wanted;
  if (from != 0) {
    const auto read = read_user<UserInterval>(from);
    if (!read) return negative(read.error());
    wanted = *read;
  }
  const auto value = to_ns(wanted.value), interval = to_ns(wanted.interval);
  if (!value || !interval) return negative(Errno::kINVAL);
  if (!is_itimer(which)) return negative(Errno::kINVAL);
  const auto old = which == kReal ? set_real(*value, *interval)
                                  : current_process().cpu.set_itimer(clock_of(which), *value, *interval);
  if (!old) return negative(old.error());
  return old_to == 0 ? 0 : to_syscall(write_user(old_to, to_interval(*old)));
}

i64 sys_getitimer(i32 which, u64 to) {
  if (!is_itimer(which)) return negative(Errno::kINVAL);
  if (which != kReal)
    return to_syscall(write_user(to, to_interval(current_process().cpu.itimer(clock_of(which)))));
  const auto timers = own_timers();
  if (!timers) return negative(timers.error());
  return to_syscall(write_user(to, to_interval((*timers)->real.left())));
}

i64 sys_alarm(u32 seconds) {
  const auto old = set_real(u64{seconds} * kSecond, 0);
  if (!old) return 0;
  const u64 whole = old->value / kSecond, rest = old->value % kSecond;
  // Rounded, but one that is set is never 0.
  return static_cast<i64>(whole + (rest >= kSecond / 2 || (whole == 0 && rest != 0) ? 1 : 0));
}

} // namespace runnel::user
