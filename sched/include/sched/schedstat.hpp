// SPDX-License-Identifier: Apache-2.0
// What /proc/schedstat counts (spec 8.1, its version 17): how often a CPU yielded, scheduled, woke somebody
// and for how long its tasks ran and waited; and, for each of its domains, what came of balancing there.
#pragma once

#include "kernel/lib/format.hpp"

#include <atomic>

namespace runnel::sched {

/// Counted by one at a time, read by anybody at any time.
template <typename Number> class Counter {
 public:
  Counter() = default;
  Counter(const Counter& other) : count_(other.read()) {}
  Counter& operator=(const Counter& other) {
    count_.store(other.read(), std::memory_order_relaxed);
    return *this;
  }

  void add(Number n = 1) {
    count_.store(count_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  Number read() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<Number> count_{0};
};
using Count = Counter<u32>; // wraps, as Linux's does

/// A CPU's. The rq lock, but for the wake-ups it makes: those are counted with its interrupts off.
struct RqCounts {
  Count yields;
  Count schedules; // calls, also those that chose the same task
  Count idle_picks;
  Count wakes;
  Count local_wakes;
  Counter<u64> waited_ns; // of all tasks, from runnable to running here
};

/// Attempts to balance a domain, for a CPU in one state of idleness.
struct BalanceCounts {
  Count attempts;
  Count balanced;                                        // nothing to do
  Count failed;                                          // something to do, and nothing could be moved
  Count imbalance_load, imbalance_util, imbalance_tasks; // sums of what was to be moved, by its unit
  Count gained;                                          // tasks
  Count hot_gained;                                      // of which some whose cache was warm
  Count no_busiest_queue;
  Count no_busiest_group;
};

/// A CPU's, of one domain.
struct DomainCounts {
  BalanceCounts balance[3]; // by Balancer: busy, idle, newly idle
  Count active, active_failed, active_pushed;
  Count wakes_remote; // its wake-ups for CPUs of the domain, and of no smaller one
  Count moves_affine; // wake-ups that chose the waker's CPU before the one it ran on
};

/// The text of /proc/schedstat. May not sleep.
void write_schedstat(Sink& to);

} // namespace runnel::sched
