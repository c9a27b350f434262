// SPDX-License-Identifier: Apache-2.0
// Faults of user programs, and of the kernel where it reaches for their memory.
#pragma once

#include <arch/exception.hpp>
#include <arch/user.hpp>

namespace runnel::user {

/// What a fault in user mode becomes when the address space could not mend it.
struct FaultSignal {
  i32 signal = 0; // SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGKILL
  i32 code = 0;   // si_code
  u64 address = 0;
};

/// A fault at a place that is in the table of fixups. True: mended, the instruction can go on; false: the
/// access fails. Interrupts off; they are turned on meanwhile if they were on in the code that faulted.
bool handle_uaccess_fault(const arch::Fault& fault, const arch::Registers& regs);

/// Reports what killed the program: one line and the user's backtrace. Current thread.
void report_fatal_fault(const FaultSignal& signal, const arch::Fault& fault, const arch::UserRegs& regs);

} // namespace runnel::user
