// SPDX-License-Identifier: Apache-2.0
// What the CPU saved when it was interrupted, and what went wrong if something did.
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/lib/types.hpp"

#include <arch_impl/registers.hpp>

namespace runnel::arch {

// `struct Registers` comes from arch_impl/registers.hpp: the exception frame, with pc(), sp(), fp(), set_pc()
// and irqs_were_enabled().

enum class FaultKind : u8 {
  kPage,          // no mapping, or the mapping forbids this access
  kUndefined,     // undefined instruction, including the traps of __builtin_trap and UBSan
  kBreakpoint,    // int3 / brk #0
  kDivide,        // x86_64 only
  kProtection,    // general protection (x86_64), system-register trap (aarch64)
  kAlignment,     // an address that is not as the access, the PC or the SP must be
  kStackOverflow, // the stack pointer left its stack into the guard
  kDoubleFault,   // x86_64: fault while delivering a fault that was not a stack overflow
  kMachineCheck,  // x86_64 machine check, aarch64 SError
  kFloatingPoint, // unmasked x87/SSE exception (x86_64), trapped IEEE exception (aarch64)
  kDebug,         // single step, watchpoint
  kOther,
};

enum class Access : u8 { kNone, kRead, kWrite, kExecute };

struct Fault {
  FaultKind kind = FaultKind::kOther;
  Access access = Access::kNone;
  bool present = false;  // kPage: a mapping exists, its permission refused
  u64 address = 0;       // faulting address where the CPU tells one
  u64 code = 0;          // vector/error code or ESR, for the report
  const char* name = ""; // "page fault", "undefined instruction", ...
};

/// All registers, several to a line, for reports.
void dump_registers(const Registers& regs, Sink& sink);

/// Registers of the calling function, as if it had been interrupted; for backtraces of oneself.
Registers capture_registers();

} // namespace runnel::arch
