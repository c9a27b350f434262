// SPDX-License-Identifier: Apache-2.0
// The idle loop of a CPU.
#pragma once

namespace runnel {
struct Task;
}

namespace runnel::smp {

/// Runs on the idle thread, interrupts off on entry, for ever (spec sched_core 1.14).
[[noreturn]] void idle_loop();

/// Leaves `boot`, the boot CPU's first context, for its idle thread on a stack of its own.
[[noreturn]] void enter_idle(Task& boot);

} // namespace runnel::smp
