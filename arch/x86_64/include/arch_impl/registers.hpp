// SPDX-License-Identifier: Apache-2.0
// The exception frame of x86_64, as entry.S lays it out.
#pragma once

#include "kernel/lib/types.hpp"

#include <cstddef>

namespace runnel::arch {

struct Registers {
  u64 r15 = 0, r14 = 0, r13 = 0, r12 = 0, r11 = 0, r10 = 0, r9 = 0, r8 = 0;
  u64 rdi = 0, rsi = 0, rbp = 0, rdx = 0, rcx = 0, rbx = 0, rax = 0;
  u64 vector = 0;
  u64 error_code = 0;                               // 0 where the CPU pushes none
  u64 rip = 0, cs = 0, rflags = 0, rsp = 0, ss = 0; // pushed by the CPU

  u64 pc() const { return rip; }
  u64 sp() const { return rsp; }
  u64 fp() const { return rbp; }
  void set_pc(u64 pc) { rip = pc; }
  void set_sp(u64 sp) { rsp = sp; }
  void set_fp(u64 fp) { rbp = fp; }
  /// Value a function resumed at pc() sees as its first argument, or its caller as the result.
  void set_result(u64 value) { rax = rdi = value; }
  bool irqs_were_enabled() const { return (rflags & 1u << 9) != 0; }
  bool from_user() const { return (cs & 3) != 0; }
};

// Known to entry.S.
static_assert(sizeof(Registers) == 22 * 8 && offsetof(Registers, vector) == 15 * 8);

} // namespace runnel::arch
