// SPDX-License-Identifier: Apache-2.0
// Scheduling events out of a guest's memory (kernel/lib/trace_event.hpp), merged by time.
#pragma once

#include "kernel/lib/trace_event.hpp"
#include "kernel/lib/types.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::qemu {

struct TraceLog {
  std::vector<trace::Event> events; // by time, then by CPU; kTaskName is not among them, see names
  std::map<u32, std::string> names; // pid -> comm, as recorded: up to 16 bytes of anything
  std::map<u32, u64> written;       // cpu -> events ever recorded there; a ring of each is there
  std::map<u32, u64> lost;          // cpu -> how many of them were overwritten; not there: none
  u64 complete_from_ns = 0;         // from here on no CPU has lost any
  std::vector<std::string> damage;  // what is wrong with the rings themselves, one sentence each

  u64 lost_events() const;
  /// As ftrace names them: "swapper/N" for a CPU's idle thread (pid 0), "<...>" for one whose name is not
  /// known.
  std::string name_of(u32 pid, u32 cpu) const;
};

/// Reads the rings saved under names "trace.cpuN"; others are ignored. Throws std::runtime_error on a ring
/// that is damaged.
TraceLog read_rings(const std::map<std::string, std::string>& bulk);

} // namespace runnel::qemu
