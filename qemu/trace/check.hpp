// SPDX-License-Identifier: Apache-2.0
// The invariants of a trace (spec sched_core 8.2, property O01), checked over its events.
#pragma once

#include "qemu/trace/log.hpp"

#include <string>
#include <vector>

namespace runnel::qemu {

enum class Rule : u8 {
  kRing,             // a CPU's ring is in order and its own
  kChain,            // per CPU, `next` of one switch is `prev` of the following
  kOneCpu,           // a task is on one CPU only
  kWakingFirst,      // waking precedes wakeup of the same task
  kStaysQueued,      // prev_state R without + never precedes absence from the queue
  kSleepsUntilWoken, // who left with another prev_state does not run before it was woken
};
/// "chain", "one-cpu", ...
std::string_view to_string(Rule rule);

struct Violation {
  Rule rule;
  u64 time_ns;
  std::string text; // one sentence that names CPU, tasks and times
};

/// By time. Only what lies in the part of the trace where no CPU has lost events is judged, so that what was
/// overwritten is never taken for a fault; what a CPU or a task did before that part is not known and may be
/// anything.
std::vector<Violation> check_trace(const TraceLog& log);

} // namespace runnel::qemu
