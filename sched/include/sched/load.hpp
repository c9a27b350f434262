// SPDX-License-Identifier: Apache-2.0
// How busy tasks and queues were lately (spec 3.12, PELT-lite), and what a runqueue keeps for balancing. The
// arithmetic is in sched/balance/pelt.hpp. Owned by sched/balance.
#pragma once

#include "kernel/lib/types.hpp"

#include <atomic>
#include <sched/port.hpp>

namespace runnel::sched {

/// A task's past. rq lock while it is queued, else pi_lock.
struct TaskLoad {
  u64 updated_us = 0;   // clock_task of the CPU it is attached to
  u64 runnable_sum = 0; // microseconds on a queue, decayed
  u64 running_sum = 0;  // microseconds on a CPU, decayed
  bool queued = false;
  bool running = false;
  u32 attached_to = 0; // CPU whose queue its past is part of, plus 1; 0: none
};

/// What lies in a queue's sums, or is to be taken out of them.
struct LoadSums {
  std::atomic<u64> load{0}; // weight (1024: nice 0) times runnable microseconds, decayed
  std::atomic<u64> runnable{0};
  std::atomic<u64> running{0};
};

/// The past of one queue of fair tasks, sleeping ones that ran here last included. Changed under the rq lock;
/// others read it, each word by itself, for placement.
struct QueueLoad {
  std::atomic<u64> updated_us{0};
  LoadSums sums;
  std::atomic<u32> nr_runnable{0}; // now; delayed tasks are none
  std::atomic<u32> nr_delayed{0};  // now; they count in rq.nr_running but have nothing to run
  u64 weight = 0;                  // now: what is added to `load` each microsecond
  bool running = false;
  LoadSums removed; // of sleepers that woke up elsewhere: averages to be taken out; any CPU adds
};

/// A runqueue's part in balancing.
struct BalanceState {
  QueueLoad load;
  std::atomic<u64> next_balance{0};   // ns: when one of this CPU's domains is due
  std::atomic<u32> busy{0};           // 1: some CPU balances on behalf of this one (acquire to take, release)
  std::atomic<u32> kicked{0};         // this idle CPU shall balance for all tickless ones
  std::atomic<u64> idle_since{0};     // ns: when the idle thread was last picked here
  Duration max_newidle_cost{500'000}; // most that a newly-idle balance took; bounds avg_idle
  bool active_balance = false;        // a request to push the running task is under way; rq lock
  CpuId push_to;                      // where to; rq lock
  std::atomic<u64> nr_pulled{0};      // tasks balancing brought here; for reports and tests
};

} // namespace runnel::sched
