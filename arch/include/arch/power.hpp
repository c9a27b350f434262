// SPDX-License-Identifier: Apache-2.0
// Ways to stop.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch/machine.hpp>

namespace runnel::arch {

/// Ends the emulator with the guest's exit code (boot::ExitCode): isa-debug-exit, semihosting. Where the
/// machine has no such device: powers off, and halts when even that returns. Callable from any context.
[[noreturn]] void exit(u32 code);
[[noreturn]] void reboot(const MachineInfo& machine);
/// Interrupts off for ever.
[[noreturn]] void halt();

} // namespace runnel::arch
