// SPDX-License-Identifier: Apache-2.0
// The one loop of all waits that a time or a signal may end.
#pragma once

#include "kernel/time/sleep.hpp"

#include <sched/sched.hpp>

namespace runnel::sync {

/// How a wait that may be cut short came out.
enum class WaitResult : u8 {
  kMet,
  kTimedOut,
  kInterrupted /* a signal is pending; the condition is false */
};

/// Blocks until `condition()`, at most until `until` (kNever: no limit), or until a signal is pending. A
/// condition that is true counts before time, and time before signals. `prepare()` puts the thread where a
/// wake-up finds it and sets its state to kInterruptible, in this order before the condition is read (B1,
/// side A). Preemption enabled; the thread's state is kRunning afterwards.
template <typename Prepare, typename Condition>
[[nodiscard]] WaitResult wait_interruptible(Prepare prepare, Condition condition, Instant until) {
  WaitResult result = WaitResult::kMet;
  for (bool late = false;;) {
    prepare();
    if (condition()) break;
    if (late) {
      result = WaitResult::kTimedOut;
      break;
    }
    if (sched::current().signal_pending()) {
      result = WaitResult::kInterrupted;
      break;
    }
    late = time::schedule_until(until) == time::SleepResult::kTimedOut;
  }
  sched::current().state.store(sched::kRunning, std::memory_order_relaxed);
  return result;
}

} // namespace runnel::sync

namespace runnel {
using sync::WaitResult;
} // namespace runnel
