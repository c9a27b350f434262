// SPDX-License-Identifier: Apache-2.0
// futex() and get_robust_list(): arguments taken apart.
#include "kernel/user/calls.hpp"
#include "kernel/user/futex/queue.hpp"
#include "kernel/user/futex/timeout.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/tree.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {
namespace {

FutexClock clock_of(u32 command, u32 flags) {
  if (command == kFutexWait) return FutexClock::kRelative;
  if (command == kFutexLockPi || (flags & kFutexClockRealtime) != 0) return FutexClock::kRealtime;
  return FutexClock::kMonotonic;
}

} // namespace

i64 sys_futex(u64 address, u32 op, u32 value, u64 timeout, u64 second, u32 third) {
  const u32 command = op & kFutexCommandMask;
  Instant until = kNever;
  if (timeout != 0 && futex_takes_timeout(command)) {
    const auto at = read_futex_timeout(timeout, clock_of(command, op));
    if (!at) return negative(at.error());
    until = *at;
  }
  if ((op & kFutexClockRealtime) != 0 && !futex_takes_clock(command)) return negative(Errno::kNOSYS);
  const FutexScope scope = futex_scope(op);
  const FutexPair pair{address, second, scope};
  const auto count = static_cast<i32>(value);
  const auto second_count = static_cast<i32>(timeout);
  switch (command) {
  case kFutexWait:
    return futex_wait(address, scope, value, until, kFutexAnyBit);
  case kFutexWaitBitset:
    return futex_wait(address, scope, value, until, third);
  case kFutexWake:
    return to_syscall(futex_wake(address, scope, count, kFutexAnyBit));
  case kFutexWakeBitset:
    return to_syscall(futex_wake(address, scope, count, third));
  case kFutexRequeue:
    return futex_requeue(pair, count, second_count, nullptr);
  case kFutexCmpRequeue:
    return futex_requeue(pair, count, second_count, &third);
  case kFutexWakeOp:
    return futex_wake_op(pair, count, second_count, third);
  case kFutexLockPi:
  case kFutexLockPi2:
    return futex_lock_pi(address, scope, until);
  case kFutexTryLockPi:
    return futex_try_lock_pi(address, scope);
  case kFutexUnlockPi:
    return futex_unlock_pi(address, scope);
  case kFutexWaitRequeuePi:
    return futex_wait_requeue_pi(pair, value, until);
  case kFutexCmpRequeuePi:
    return futex_requeue_pi(pair, count, second_count, third);
  default:
    return negative(Errno::kNOSYS);
  }
}

i64 sys_get_robust_list(u32 tid, u64 to_head, u64 to_size) {
  constexpr u64 kHeadSize = 24;
  u64 head = 0;
  if (tid == 0) {
    head = current_thread().robust_list;
  } else {
    const SpinGuard guard(tree_lock);
    const Thread* found = find_thread_locked(tid);
    if (found == nullptr) return negative(Errno::kSRCH);
    head = found->robust_list;
  }
  if (const auto written = write_user(to_size, kHeadSize); !written) return negative(written.error());
  return to_syscall(write_user(to_head, head));
}

} // namespace runnel::user
