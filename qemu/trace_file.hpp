// SPDX-License-Identifier: Apache-2.0
// Scheduling events out of a guest's memory (kernel/lib/trace_event.hpp), merged by time and written for people
// or for a trace viewer.
#pragma once

#include "kernel/lib/types.hpp"
#include "kernel/lib/trace_event.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::qemu {

struct TraceLog {
  std::vector<trace::Event> events;  // by time, then by CPU
  std::map<u32, std::string> names;  // pid -> comm
  std::map<u32, std::uint64_t> lost; // cpu -> events overwritten before they could be saved
};

/// Reads the rings saved under names "trace.cpuN"; others are ignored. Throws std::runtime_error on a ring
/// that is damaged.
TraceLog read_rings(const std::map<std::string, std::string>& bulk);

/// One line an event: "     1.234567890 [002] sched_switch: prev=hog/5 ...".
std::string to_text(const TraceLog& log);
/// Chrome's JSON trace format, which Perfetto's viewer opens: a track per CPU.
std::string to_chrome_json(const TraceLog& log);

} // namespace runnel::qemu
