// SPDX-License-Identifier: Apache-2.0
// A workload on the simulated machine, inside the host tool: the scheduler's own sources and the kernel's own
// player under a virtual clock (sched/sim). What it prints is what a guest would print.
#pragma once

#include "kernel/lib/trace_event.hpp"
#include "kernel/lib/types.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::simulated {

enum class Events : u8 { kNone, kKept };

struct Request {
  std::string workload; // as scenario::compile makes it
  std::string shape;    // of the machine, as sim::to_string(Shape) makes it
  u64 seed = 1;
  Events events = Events::kNone;
  bool (*interrupted)() = nullptr; // asked now and then: true ends the run
};

enum class End : u8 {
  kReported,
  kNoSuchCpu, // a task is to run on a CPU the machine does not have: see lines
  kRefused,   // the scheduler refuses what a task asks for: see lines
  kInterrupted,
  kBroken, // an invariant of the scheduler did not hold: see failure
};

struct Result {
  End end = End::kBroken;
  std::vector<std::string> lines; // "runnel: report {json}", "runnel: error workload: ..."
  std::string failure;            // kBroken: which invariant, where, what every CPU was doing
  std::vector<trace::Event> events;
  std::map<u32, std::string> names; // pid -> comm, when tracing
};

/// Runs it to its end. The same request gives the same result. One at a time.
Result simulate(const Request& request);

} // namespace runnel::simulated
