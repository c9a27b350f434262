// SPDX-License-Identifier: Apache-2.0
// Waiting at one word, or at several at once.
#include "kernel/time/sleep.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/file/call_support.hpp"
#include "kernel/user/futex/queue.hpp"
#include "kernel/user/futex/timeout.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/thread.hpp"
#include "kernel/user/uaccess.hpp"

#include <algorithm>
#include <sched/sched.hpp>

namespace runnel::user {

WaitResult futex_sleep(std::span<FutexWaiter> waiters, Instant until) {
  return sync::wait_interruptible(
      [] { sched::set_current_state(sched::kInterruptible); }, // before anything is looked at: B1
      [waiters] { return std::ranges::any_of(waiters, &FutexWaiter::is_woken); }, until);
}

/// restart_syscall after a stop, say: waits for the time that is left.
static i64 wait_again(RestartBlock& block) {
  return futex_wait(block.args[0], static_cast<FutexScope>(block.args[1]), static_cast<u32>(block.args[2]),
                    Instant{block.args[3]}, static_cast<u32>(block.args[4]));
}

i64 futex_wait(u64 address, FutexScope scope, u32 expected, Instant until, u32 bitset) {
  if (bitset == 0) return negative(Errno::kINVAL);
  FutexWaiter self;
  self.bitset = bitset;
  if (const auto queued = futex_enqueue(self, address, scope, expected); !queued)
    return negative(queued.error());
  const WaitResult end = futex_sleep({&self, 1}, until);
  if (!futex_dequeue(self)) return 0;
  if (end == WaitResult::kTimedOut) return negative(Errno::kTIMEDOUT);
  if (until == kNever) return kRestartSys;
  if (Thread* thread = current_thread_or_null())
    thread->signals.restart = {wait_again, {address, static_cast<u64>(scope), expected, until.ns, bitset}};
  return kRestartRestartBlock;
}

namespace {

constexpr u32 kMostWords = 128;
constexpr u32 kSizeU32 = 2; // FUTEX2_SIZE_U32
constexpr u32 kSizeMask = 3;

/// struct futex_waitv
struct UserWait {
  u64 value, address;
  u32 flags, reserved;

  bool is_valid() const {
    return reserved == 0 && (flags & ~(kSizeMask | kFutexPrivate)) == 0 && (flags & kSizeMask) == kSizeU32 &&
           value <= ~u32{0};
  }
};

/// Takes them off; the last one that was woken, or -1.
i64 dequeue_all(std::span<FutexWaiter> waiters) {
  i64 woken = -1;
  for (usize i = 0; i < waiters.size(); ++i)
    if (!futex_dequeue(waiters[i])) woken = static_cast<i64>(i);
  return woken;
}

i64 wait_for_any(std::span<const UserWait> words, std::span<FutexWaiter> waiters, Instant until) {
  for (usize i = 0; i < words.size(); ++i) {
    const auto queued = futex_enqueue(waiters[i], words[i].address, futex_scope(words[i].flags),
                                      static_cast<u32>(words[i].value));
    if (queued) continue;
    const i64 woken = dequeue_all(waiters.first(i));
    return woken >= 0 ? woken : negative(queued.error());
  }
  const WaitResult end = futex_sleep(waiters, until);
  const i64 woken = dequeue_all(waiters);
  if (woken >= 0) return woken;
  return end == WaitResult::kTimedOut ? negative(Errno::kTIMEDOUT) : kRestartSys;
}

} // namespace

i64 sys_futex_waitv(u64 user_words, u32 count, u32 flags, u64 timeout, i32 clock) {
  if (flags != 0 || count == 0 || count > kMostWords || user_words == 0) return negative(Errno::kINVAL);
  Instant until = kNever;
  if (timeout != 0) {
    if (clock != kClockMonotonic && clock != kClockRealtime) return negative(Errno::kINVAL);
    const auto at =
        read_futex_timeout(timeout, clock == kClockRealtime ? FutexClock::kRealtime : FutexClock::kMonotonic);
    if (!at) return negative(at.error());
    until = *at;
  }
  HeapArray<UserWait> words;
  HeapArray<FutexWaiter> waiters;
  if (const auto room = words.allocate(count); !room) return negative(room.error());
  if (const auto room = waiters.allocate(count); !room) return negative(room.error());
  if (const auto read = copy_from_user(words.data(), user_words, count * sizeof(UserWait)); !read)
    return negative(read.error());
  if (!std::ranges::all_of(words.span(), &UserWait::is_valid)) return negative(Errno::kINVAL);
  return wait_for_any(words.span(), waiters.span(), until);
}

} // namespace runnel::user
