// SPDX-License-Identifier: Apache-2.0
// The idle loop of a CPU.
#pragma once

namespace runnel {
struct Task;
}

namespace runnel::smp {

/// Runs on the idle thread, interrupts off on entry, for ever (spec sched_core 1.14).
[[noreturn]] void idle_loop();

/// kPoll: spins on need_resched, so that a wake-up needs no IPI (boot option idle=poll).
enum class IdleMode { kHalt, kPoll };
void set_idle_mode(IdleMode mode);

/// Leaves `boot`, the boot CPU's first context, for its idle thread on a stack of its own.
[[noreturn]] void enter_idle(Task& boot);

} // namespace runnel::smp
