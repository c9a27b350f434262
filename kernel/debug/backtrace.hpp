// SPDX-License-Identifier: Apache-2.0
// Backtraces by frame pointer, printed as "    #i 0xADDR symbol+0xOFF".
#pragma once

#include "kernel/debug/frames.hpp"
#include "kernel/lib/format.hpp"
#include "kernel/lib/types.hpp"

#include <arch/exception.hpp>

namespace runnel::debug {

inline constexpr usize kMaxFrames = 32;

struct Backtrace {
  Frame frames[kMaxFrames]; // the first one's "return address" is where the code is
  usize count = 0;
  void add(u64 pc) { frames[count++] = {pc, 1}; }
};

/// What may be read while walking. kReport also follows the chain onto other stacks (from an emergency stack
/// back to the thread's), which can fault when memory is bad: only in reports, which survive that.
enum class Trust : u8 { kOwnStackOnly, kReport };

/// The stack of the code that `regs` were saved in; that code does not run meanwhile.
Backtrace backtrace_of(const arch::Registers& regs, Trust trust);
/// The caller's own stack.
Backtrace backtrace_here();

/// One line a frame, each starting with `prefix`.
void print_backtrace(const Backtrace& trace, std::string_view prefix, Sink& sink);

/// "symbol+0xOFF", or "?" outside the kernel's code. `Lookup::kReturnAddress` belongs to the call before it.
enum class Lookup : u8 { kExact, kReturnAddress };
void print_symbol(u64 address, Lookup lookup, Sink& sink);

bool is_kernel_text(u64 address);

} // namespace runnel::debug
