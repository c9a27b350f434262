// SPDX-License-Identifier: Apache-2.0
// One-shot timers: a queue per CPU, ordered by expiry, that keeps the CPU's hardware timer set to the
// earliest.
#pragma once

#include "kernel/lib/pairing_heap.hpp"
#include "kernel/lib/types.hpp"

#include <atomic>

namespace runnel::time {

struct Timer;
/// Runs in interrupt context on the CPU the timer was started on, at or after `expires`. May restart the
/// timer.
using TimerFn = void (*)(Timer&);

struct Timer : HeapNode {
  enum class State : u32 { kIdle, kQueued, kRunning };

  explicit constexpr Timer(TimerFn fn) : function(fn) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  TimerFn function;
  Instant expires;
  u64 sequence = 0; // order among equal expiries: first started, first run
  std::atomic<u32> base_cpu{0};
  std::atomic<State> state{State::kIdle};
};

/// Starts `timer` on this CPU for `expires` (past: as soon as interrupts are on). It is idle, or this is its
/// own function running. Any context; takes kTimerBase.
void timer_start(Timer& timer, Instant expires);

/// Takes the timer off its queue. True: its function will not run. False: it is running or has run; after
/// timer_cancel_sync it is also over.
bool timer_cancel(Timer& timer);
/// As timer_cancel, and waits for a running function. Not from the function itself, nor with a lock it takes.
bool timer_cancel_sync(Timer& timer);

/// The hardware timer of this CPU fired: runs what is due. Interrupts off.
void timer_interrupt();

/// The timers of `cpu`, which takes no interrupts any more, continue on this CPU.
void timers_take_over(CpuId cpu);

/// When the next timer of `cpu` is due; kNever without one. A hint.
Instant next_timer_expiry(CpuId cpu);

} // namespace runnel::time
