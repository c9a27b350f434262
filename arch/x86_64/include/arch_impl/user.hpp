// SPDX-License-Identifier: Apache-2.0
// A user thread's registers on x86_64. The frame is that of every interrupt (entry.S); a system call leaves
// its number in `error_code`, as Linux leaves it in orig_rax.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch_impl/registers.hpp>
#include <array>
#include <string_view>

namespace runnel::arch {

inline constexpr u64 kUserEnd = 0x7fff'ffff'f000;
inline constexpr bool kGenericNumbers = false;
inline constexpr u16 kElfMachine = 62;
inline constexpr std::string_view kPlatform = "x86_64";
inline constexpr u64 kMinSignalStack = 2048;
inline constexpr u64 kRestartSyscall = 219; // the number of restart_syscall
inline constexpr u64 kRedZone = 128;
/// Programs bring their own code to return from a signal handler.
inline constexpr std::array<u32, 0> kSigreturnCode{};
inline constexpr u32 kRseqSignature = 0x5305'3053;

// Selectors as Linux has them: they are seen in signal frames.
inline constexpr u64 kUserCode = 0x33;
inline constexpr u64 kUserData = 0x2b;
/// `vector` of a frame that a system call made; CPU vectors are below 256.
inline constexpr u64 kVectorSyscall = 0x100;

struct UserRegs : Registers {
  // What user mode may set in rflags: CF PF AF ZF SF TF DF OF RF(cleared) AC ID.
  static constexpr u64 kFlagsOfUser = 0x0020'0000 | 0x4'0000 | 0xdd5;
  static constexpr u64 kFlagsAlways = 0x202; // interrupts on, and the bit that is always set

  u64 syscall_number() const { return error_code; }
  u64 syscall_arg(u32 i) const {
    const u64 args[6] = {rdi, rsi, rdx, r10, r8, r9};
    return args[i];
  }
  void set_syscall_result(i64 result) { rax = static_cast<u64>(result); }
  i64 syscall_result() const { return static_cast<i64>(rax); }
  bool in_syscall() const { return vector == kVectorSyscall && error_code != kNoCall; }
  void rewind_syscall(u64 number) {
    rax = number;
    rip -= 2; // the length of `syscall`
    leave_syscall();
  }
  void leave_syscall() { error_code = kNoCall; }
  void start_at(u64 pc, u64 sp) {
    *this = UserRegs{};
    vector = kVectorSyscall;
    leave_syscall();
    rip = pc;
    rsp = sp;
    rflags = kFlagsAlways;
    cs = kUserCode;
    ss = kUserData;
  }
  void sanitise() {
    rflags = (rflags & kFlagsOfUser) | kFlagsAlways;
    cs = kUserCode;
    ss = kUserData;
  }
  void set_argument(u32 i, u64 value) { (i == 0 ? rdi : i == 1 ? rsi : rdx) = value; }

 private:
  static constexpr u64 kNoCall = ~u64{0};
};

static_assert(sizeof(UserRegs) == sizeof(Registers));

struct UserState {
  void* fpu = nullptr; // XSAVE area, or FXSAVE where there is no XSAVE
  u64 fs_base = 0;
  u64 gs_base = 0;                    // the user's; the kernel's own is live in the kernel
  u16 ds = 0, es = 0, fs = 0, gs = 0; // selectors
};

/// Instructions fetched so far are fetched anew: whatever the return to user mode is made of.
inline void refetch_instructions() {
  u32 leaf = 0, subleaf = 0; // cpuid serialises
  asm volatile("cpuid" : "+a"(leaf), "+c"(subleaf)::"ebx", "edx", "memory");
}

} // namespace runnel::arch
