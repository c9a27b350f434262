// SPDX-License-Identifier: Apache-2.0
// Job control: a stop is complete when every thread of the process sleeps in it, and over with SIGCONT or
// SIGKILL.
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/wait.hpp"

#include <sched/sched.hpp>

namespace runnel::user {
namespace {

/// The last thread has stopped: true when that is news to the parent.
bool complete_if_last(Process& process) REQUIRES(process.lock) {
  ProcessSignals& signals = process.signals;
  if (signals.stop_signal == 0 || signals.is_stopped || signals.nr_stopped != process.nr_threads)
    return false;
  signals.is_stopped = true;
  signals.event = StopEvent::kStopped;
  return true;
}

} // namespace

void begin_stop(Process& process, i32 sig) {
  if (process.signals.stop_signal != 0 || process.exiting) return;
  process.signals.stop_signal = sig;
  for (Thread& thread : process.threads) {
    recalc_signals(process, thread);
    kick_thread(thread, kWorkSignal);
  }
}

bool end_stop(Process& process) {
  ProcessSignals& signals = process.signals;
  if (signals.stop_signal == 0) return false;
  const bool was_stopped = signals.is_stopped;
  signals.stop_signal = 0;
  signals.nr_stopped = 0;
  signals.is_stopped = false;
  if (was_stopped) signals.event = StopEvent::kContinued;
  for (Thread& thread : process.threads) {
    thread.signals.stopped = false;
    recalc_signals(process, thread);
    // B1, side B: who stops stores its state under the lock that is held here.
    sched::try_to_wake_up(*thread.task, sched::kStopped, 0);
  }
  return was_stopped;
}

void take_part_in_stop(Thread& self) {
  Process& process = *self.process;
  bool news = false;
  {
    const IrqSpinGuard guard(process.lock);
    if (process.signals.stop_signal == 0 || process.exiting) return recalc_signals(process, self);
    self.signals.stopped = true;
    ++process.signals.nr_stopped;
    news = complete_if_last(process);
    recalc_signals(process, self);
  }
  if (news) notify_parent_of_stop(process);
  for (;;) {
    {
      const IrqSpinGuard guard(process.lock);
      if (!self.signals.stopped || process.exiting) return;
      const IrqSpinGuard state_lock(self.task->pi_lock); // a special state: spec sched_core 1.3
      self.task->state.store(sched::kStopped, std::memory_order_relaxed);
    }
    sched::schedule();
  }
}

bool leave_stop(Process& process, Thread& thread) {
  if (thread.signals.stopped) {
    thread.signals.stopped = false;
    --process.signals.nr_stopped;
  }
  return process.nr_threads != 0 && complete_if_last(process);
}

} // namespace runnel::user
