// SPDX-License-Identifier: Apache-2.0
// User mode, the architecture's side: the registers of a user thread, its FPU state and TLS base, going to
// user mode and coming back (system calls and faults arrive as upcalls, arch/upcalls.hpp).
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/lib/types.hpp"

#include <arch/exception.hpp>
#include <arch_impl/user.hpp>
#include <concepts>
#include <string_view>

namespace runnel::arch {

// arch_impl/user.hpp provides, in runnel::arch:
//   struct UserRegs : Registers     all registers of the user as an entry from user mode saved them; it lies
//   at
//                                   the top of the thread's kernel stack
//   struct UserState                what is live in the CPU while the thread runs, also in the kernel: TLS
//                                   base(s), pointer to the FPU area
//   kUserEnd                        user addresses are below it (x86_64 47 bits less a page, aarch64 48 bits)
//   kElfMachine, kPlatform          e_machine and AT_PLATFORM; uname's machine
//   kGenericNumbers                 system calls have the generic table's numbers (kernel/user/syscall.hpp)
//   kMinSignalStack                 MINSIGSTKSZ of the ABI: least size sigaltstack takes
//   kRseqSignature
//   refetch_instructions()          code that others wrote before is what this CPU executes from here on

/// syscall_number, syscall_arg(0..5)  as the user gave them, also after the result was set.
/// set_syscall_result    the value the user sees; negative errno or result.
/// in_syscall            a system call that could still be restarted brought this frame here.
/// rewind_syscall(nr)    the user will execute call `nr` anew with the original arguments.
/// leave_syscall         in_syscall() is false from here: nothing may rewind it (a signal frame was built,
/// exec). start_at(pc, sp)      all registers as a new program has them at its entry point. sanitise after a
/// user gave all registers (sigreturn): what user mode may not set is put right. set_argument(i, value)
/// argument i (0..2) of a function that user mode is about to enter.
template <typename T>
concept UserRegsContract = std::derived_from<T, Registers> && requires(T regs, const T seen, u64 v, u32 i) {
  { seen.syscall_number() } -> std::same_as<u64>;
  { seen.syscall_arg(i) } -> std::same_as<u64>;
  { regs.set_syscall_result(i64{}) } -> std::same_as<void>;
  { seen.syscall_result() } -> std::same_as<i64>;
  { seen.in_syscall() } -> std::same_as<bool>;
  { regs.rewind_syscall(v) } -> std::same_as<void>;
  { regs.leave_syscall() } -> std::same_as<void>;
  { regs.start_at(v, v) } -> std::same_as<void>;
  { regs.sanitise() } -> std::same_as<void>;
  { regs.set_argument(i, v) } -> std::same_as<void>;
};
static_assert(UserRegsContract<UserRegs>,
              "this architecture's arch_impl/user.hpp does not keep the contract");
static_assert(sizeof(UserRegs) % 16 == 0, "the kernel stack below it stays aligned");

/// Where the registers of a user thread with this kernel stack lie.
inline UserRegs& user_regs(VirtAddr stack_top) {
  return *reinterpret_cast<UserRegs*>(stack_top.value - sizeof(UserRegs));
}

/// Once per CPU, at the end of cpu_init: descriptors, MSRs or system registers of user mode, FPU features.
void user_init_cpu();

/// Leaves for user mode with the current thread's user_regs (its stack is used up to there: nothing of the
/// kernel's frames survives). Does the exit work first (upcall::exit_to_user). Interrupts on or off.
[[noreturn]] void enter_user(UserRegs& regs);

/// Bytes of an FPU area on this machine; areas are aligned to 64. Their format is the one signal frames use
/// (x86_64: XSAVE standard format, aarch64: fpsr, fpcr, v0..v31 of fpsimd_context).
usize fpu_size();
/// The state a new program has.
void fpu_init(void* area);

/// `state` of a thread that has not run yet, or of the current thread with preemption off (then followed by
/// user_state_load): no TLS, fresh FPU in `area` (fpu_size() bytes; owned by the caller, filled here).
void user_state_init(UserState& state, void* area);
/// The CPU's live registers into `state` of the thread that runs here: at a switch away from it, before its
/// state is copied (fork) or looked at (signal frame). Preemption off. Nothing live changes.
void user_state_save(UserState& state);
/// Makes `state` and the kernel stack live on this CPU: at a switch to its thread (interrupts off), after
/// the current thread's was changed (preemption off).
void user_state_load(const UserState& state, VirtAddr stack_top);
/// After user_state_save, when a thread without user mode runs next: FPU use in the kernel traps again where
/// the CPU can do that. Interrupts off.
void user_state_unload();
/// A new thread's state: the parent's (saved before), with its own FPU area `area`.
void user_state_copy(UserState& to, const UserState& from, void* area);

/// TLS base (FS base, TPIDR_EL0) in the saved state; for the current thread save and load around it.
u64 user_tls(const UserState& state);
void set_user_tls(UserState& state, u64 base);

/// AT_HWCAP, AT_HWCAP2; the largest signal frame this machine makes (AT_MINSIGSTKSZ).
u64 hwcap();
u64 hwcap2();
u64 signal_frame_size();

} // namespace runnel::arch
