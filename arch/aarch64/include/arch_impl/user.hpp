// SPDX-License-Identifier: Apache-2.0
// A user thread's registers on aarch64: the frame of every exception, and what a system call must remember of
// its beginning, because x0 is both the first argument and the result.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch_impl/registers.hpp>
#include <array>
#include <string_view>

namespace runnel::arch {

inline constexpr u64 kUserEnd = u64{1} << 48;
inline constexpr bool kGenericNumbers = true;
inline constexpr u16 kElfMachine = 183;
inline constexpr std::string_view kPlatform = "aarch64";
inline constexpr u64 kMinSignalStack = 5120;
inline constexpr u64 kRestartSyscall = 128; // the number of restart_syscall
inline constexpr u64 kRedZone = 0;
/// What a signal handler returns to: mov x8, #139 (rt_sigreturn); svc #0.
inline constexpr std::array<u32, 2> kSigreturnCode{0xd280'1168, 0xd400'0001};
inline constexpr u32 kRseqSignature = 0xd428'bc00;

struct UserRegs : Registers {
  u64 first_argument = 0; // x0 at the system call
  u64 call = kNoCall;     // x8 at the system call

  /// At the entry of a system call, before anything is changed.
  void begin_syscall() {
    first_argument = x[0];
    call = x[8];
  }
  u64 syscall_number() const { return call; }
  u64 syscall_arg(u32 i) const { return i == 0 ? first_argument : x[i]; }
  void set_syscall_result(i64 result) { x[0] = static_cast<u64>(result); }
  i64 syscall_result() const { return static_cast<i64>(x[0]); }
  bool in_syscall() const { return call != kNoCall; }
  void rewind_syscall(u64 number) {
    x[0] = first_argument;
    x[8] = number;
    elr -= 4; // the length of `svc`
    leave_syscall();
  }
  void leave_syscall() { call = kNoCall; }
  void start_at(u64 pc, u64 sp) {
    *this = UserRegs{};
    elr = pc;
    stack = sp;
  }
  void sanitise() { spsr &= kPstateOfUser; }
  void set_argument(u32 i, u64 value) { x[i] = value; }

 private:
  static constexpr u64 kNoCall = ~u64{0};
  // What user mode may set in PSTATE: the condition flags, DIT, SSBS, BTYPE. The rest is 0: EL0, 64 bits,
  // nothing masked, no single step.
  static constexpr u64 kPstateOfUser = 0xf000'0000 | 1u << 24 | 1u << 12 | 3u << 10;
};

// Known to vectors.S.
static_assert(sizeof(UserRegs) == 304);

struct UserState {
  void* fpu = nullptr; // fpsr, fpcr, v0..v31
  u64 tpidr = 0;
};

/// Instructions fetched so far are fetched anew.
inline void refetch_instructions() { asm volatile("isb" ::: "memory"); }

} // namespace runnel::arch
