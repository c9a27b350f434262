// SPDX-License-Identifier: Apache-2.0
// What must hold on the simulated machine at every step, each by its name in the property catalogue
// (spec 9.1).
#pragma once

#include "sched/sim/cpu.hpp"

#include <string>

namespace runnel::sim {

class Machine;
struct Task;

/// `cpu`, the executing one, is about to let others go on.
void check_step(Machine& machine, VirtualCpu& cpu);
/// `cpu` switches to `next`: C03, C04, affinity.
void check_switch_in(Machine& machine, const VirtualCpu& cpu, const Task& next);
/// The executing task is in its own code: C12 and what goes with it.
void check_task_code(Machine& machine);
/// Every CPU is halted and nothing is under way, but the simulation is not over.
[[noreturn]] void all_asleep(Machine& machine);
/// C11, C32, C07 over all CPUs; what is in the middle of a critical section is left out.
void check_runqueues(Machine& machine);
/// D05, D35, if all CPUs are at rest.
void check_deadline_class(Machine& machine);

/// A person's text of a failure: what, where, every CPU, and how to see it again.
std::string describe_failure(Machine& machine, const std::string& invariant, const std::string& message);

} // namespace runnel::sim
