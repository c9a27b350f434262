// SPDX-License-Identifier: Apache-2.0
// The frame on the user's stack that a signal handler returns through: its layout is the architecture's, and
// user programs know it (spec linux_abi 5.2, 5.3).
#pragma once

#include "kernel/lib/types.hpp"

#include <arch/user.hpp>
#include <optional>
#include <span>

namespace runnel::arch {

// arch_impl/user.hpp provides kRedZone: bytes below the stack pointer that belong to the interrupted
// function.

struct SignalStack { // stack_t
  u64 base = 0;
  u32 flags = 0;
  u64 size = 0;
};

struct SignalFrame {
  i32 signo = 0;
  u64 handler = 0;
  u64 restorer = 0;                // where the handler returns to; 0: nowhere, which no frame is made for
  std::span<const std::byte> info; // siginfo_t
  u64 mask = 0;                    // what sigreturn brings back
  SignalStack stack;
  bool from_fault = false; // the frame tells of the fault
  u64 fault_address = 0;
  u64 fault_code = 0; // Fault::code, where the registers do not hold it anyway
  u64 top = 0;        // the frame lies below
};

/// Writes the frame for `regs` and the FPU state in `fpu`, and makes `regs` those of the handler's first
/// instruction. False: the stack is not writable there; nothing has changed then. Thread context: may fault.
bool push_signal_frame(UserRegs& regs, const void* fpu, const SignalFrame& frame);

struct SignalReturn {
  u64 mask = 0;
  SignalStack stack;
};
/// sigreturn: takes everything back from the frame at the user's stack pointer, sanitised; the FPU state goes
/// to `fpu` (fpu_size() bytes, not live: reading the frame may fault and switch). nullopt: no such frame
/// there; what is in both then is safe to have, but not to go on with.
std::optional<SignalReturn> pop_signal_frame(UserRegs& regs, void* fpu);

} // namespace runnel::arch
