// SPDX-License-Identifier: Apache-2.0
// What one thread of a workload did. Written by the thread, read after it was joined.
#pragma once

#include "kernel/workload/histogram.hpp"

namespace runnel::workload {

/// Jobs of a periodic thread: from the beginning of a timer's period to the `timer` event that ends it.
struct JobFigures {
  u64 count = 0;  // that came to their end
  u64 misses = 0; // ended after their deadline, or had not ended when it had passed and the run was over
  Duration response_max; // from the period's beginning to the job's end
  Duration slack_min;    // from the job's end to the period's: rt-app's slack; negative when it was late
  Duration slack_sum;
  Duration lateness_max; // beyond the deadline
};

struct Figures {
  Histogram latency;
  JobFigures jobs;
  u64 activations = 0; // wake-ups: sleeps and timers that ended, waits that were granted
  u64 loops = 0;       // complete passes over all phases
  u64 overruns = 0;    // timers whose period was over before the thread came to wait
  u64 misuses = 0;     // events that made no sense: unlock of what is not held, ...
  u64 yield_switches = 0;
  Duration lock_wait_max; // from asking for a mutex to having it
  u64 ran_on = 0;         // bit n: it was seen on CPU n, at every event and every few microseconds of work
  Duration run_time, lifetime;
  u64 voluntary = 0, preemptions = 0, migrations = 0;
};

} // namespace runnel::workload
