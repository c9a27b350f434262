// SPDX-License-Identifier: Apache-2.0
#include "kernel/time/sleep.hpp"

#include "kernel/time/clock.hpp"
#include "kernel/time/timer.hpp"

#include <sched/sched.hpp>

namespace runnel::time {
namespace {

struct Sleeper : Timer {
  explicit Sleeper(sched::Task& sleeping)
      : Timer([](Timer& t) {
          auto& self = static_cast<Sleeper&>(t);
          self.fired.store(true, std::memory_order_relaxed);
          sched::wake_up_process(self.task); // B1, side B: the store above is ordered by the barrier inside
        }),
        task(sleeping) {}
  sched::Task& task;
  std::atomic<bool> fired{false};
};

/// In `state`: a pending signal ends the interruptible one.
SleepResult sleep(Instant until, u32 state) {
  Sleeper sleeper(sched::current());
  timer_start(sleeper, until);
  SleepResult result = SleepResult::kTimedOut;
  for (;;) {
    sched::set_current_state(state);
    if (sleeper.fired.load(std::memory_order_relaxed)) break;
    if (state == sched::kInterruptible && sched::current().signal_pending()) {
      result = SleepResult::kWoken;
      break;
    }
    sched::schedule();
  }
  sched::current().state.store(sched::kRunning, std::memory_order_relaxed);
  timer_cancel_sync(sleeper); // its function may still be on its way out of our stack frame
  return result;
}

} // namespace

SleepResult schedule_until(Instant until) {
  if (until == kNever) {
    sched::schedule();
    return SleepResult::kWoken;
  }
  Sleeper sleeper(sched::current());
  timer_start(sleeper, until);
  sched::schedule();
  sched::current().state.store(sched::kRunning, std::memory_order_relaxed);
  timer_cancel_sync(sleeper);
  return sleeper.fired.load(std::memory_order_relaxed) ? SleepResult::kTimedOut : SleepResult::kWoken;
}

void sleep_until(Instant until) { sleep(until, sched::kUninterruptible); }

SleepResult sleep_until_interruptible(Instant until) { return sleep(until, sched::kInterruptible); }

void sleep_for(Duration d) { sleep_until(now() + d); }

} // namespace runnel::time
