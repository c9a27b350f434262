// SPDX-License-Identifier: Apache-2.0
// A timer that sends a signal when it expires: what timer_create makes, and ITIMER_REAL.
#pragma once

#include "kernel/sync/mutex.hpp"
#include "kernel/sync/spinlock.hpp"
#include "kernel/time/timer.hpp"
#include "kernel/user/signal/pending.hpp"
#include "kernel/user/timers/timer_times.hpp"

namespace runnel::user {

struct Process;

/// What is sent.
struct TimerSignal {
  i32 signo = 0; // 0: nothing, the timer is only looked at (SIGEV_NONE)
  i32 code = 0;  // si_code
  i32 id = 0;    // si_timerid
  u32 tid = 0;   // the thread that gets it, 0: the process
  u64 value = 0; // si_value

  SigInfo info() const;
};

class SignalTimer : private time::Timer {
 public:
  SignalTimer(Process& process, const TimerSignal& signal)
      : Timer(fired), process_(process), signal_(signal) {
    entry_.timer = this;
    entry_.taken = [](QueuedSignal& entry) { static_cast<Entry&>(entry).timer->taken(); };
  }
  ~SignalTimer() { stop(); }

  /// Arms it for the monotonic time `at` and every `interval` ns from then on. What was left before. One
  /// caller at a time (ProcessTimers::lock).
  TimerTimes start(u64 at, u64 interval);
  /// A signal of it that was not taken yet is forgotten. Thread context.
  TimerTimes stop();
  TimerTimes left();
  /// How often it has expired without a signal of its own before the last signal was taken.
  i32 overrun();

 private:
  static void fired(time::Timer& timer);
  /// The signal was taken from its queue, or nobody wants it: an interval goes on from here. Process::lock
  /// may be held.
  void taken() EXCLUDES(lock_);
  TimerTimes left_locked() const REQUIRES(lock_);
  TimerTimes disarm() EXCLUDES(lock_);
  /// Queues the signal. Interrupts off, no lock held.
  void send() EXCLUDES(lock_);

  struct Entry : QueuedSignal {
    SignalTimer* timer = nullptr;
  };

  Process& process_;
  const TimerSignal signal_;
  Entry entry_; // Process::lock
  SpinLock lock_{LockRank::kFileObject};
  bool armed_ GUARDED_BY(lock_) = false;
  u64 next_ GUARDED_BY(lock_) = 0; // the expiry that is waited for, or that the pending signal tells of
  u64 interval_ GUARDED_BY(lock_) = 0;
  i32 overrun_ GUARDED_BY(lock_) = 0;
  /// Where fired() runs; kNowhere. Who takes the signal meanwhile leaves the arming to it.
  static constexpr u32 kNowhere = ~u32{0};
  u32 running_on_ GUARDED_BY(lock_) = kNowhere;
  bool rearm_ GUARDED_BY(lock_) = false;
};

} // namespace runnel::user
