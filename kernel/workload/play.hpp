// SPDX-License-Identifier: Apache-2.0
// A parsed workload, from the check against the machine to the report. The same on both grounds.
#pragma once

#include "kernel/workload/parse.hpp"

namespace runnel::workload {

enum class Played : u8 {
  kReported,  // the "runnel: report {json}" lines were printed
  kNoSuchCpu, // a task is to run on a CPU this machine does not have; a line "runnel: error workload: ..."
              // says so
  kRefused,   // the scheduler refuses what a task asks for; likewise
  kNoMemory,  // likewise
};

/// `seed` only goes into the report. Thread context, all CPUs online.
Played play(const Workload& workload, u64 seed);

} // namespace runnel::workload
