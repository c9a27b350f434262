// SPDX-License-Identifier: Apache-2.0
// The exception frame of aarch64, as vectors.S lays it out.
#pragma once

#include "kernel/lib/types.hpp"

#include <cstddef>

namespace runnel::arch {

struct Registers {
  u64 x[31] = {};
  u64 stack = 0; // SP before the exception
  u64 elr = 0;
  u64 spsr = 0;
  u64 frame_record[2] = {}; // x29 and the return address, so that a walk along frame pointers passes through

  u64 pc() const { return elr; }
  u64 sp() const { return stack; }
  u64 fp() const { return x[29]; }
  u64 lr() const { return x[30]; }
  void set_pc(u64 pc) { elr = pc; }
  void set_sp(u64 sp) { stack = sp; }
  void set_fp(u64 fp) { x[29] = fp; }
  /// Value a function resumed at pc() sees as its first argument or its caller as the result.
  void set_result(u64 value) { x[0] = value; }
  bool irqs_were_enabled() const { return (spsr & 1u << 7) == 0; }
  bool from_user() const { return (spsr & 0xf) == 0; }
};

// Known to vectors.S.
static_assert(sizeof(Registers) == 288 && offsetof(Registers, stack) == 248 &&
              offsetof(Registers, elr) == 256 && offsetof(Registers, frame_record) == 272);

} // namespace runnel::arch
