// SPDX-License-Identifier: Apache-2.0
// Bringing the simulated machine up, and its idle loop.
#pragma once

#include <functional>

namespace runnel::sim {

class Machine;

/// On the boot CPU's idle thread, alone: runqueues, idle threads and stoppers of all CPUs, and the task
/// "init".
void boot(Machine& machine, std::function<void()> init_body);
/// The idle thread of the executing CPU, as kernel/smp/idle.cpp (spec 1.14).
[[noreturn]] void idle_loop();

} // namespace runnel::sim
