// SPDX-License-Identifier: Apache-2.0
// The report that ends a run: what happened, registers, the backtraces of all CPUs, `runnel: end ...`, exit.
// It works with locks held, with bad memory (a fault inside costs the part it happened in, not the rest) and
// when several CPUs want to report at once (one does; the others stop and say why).
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/lib/thread_info.hpp"

#include <arch/exception.hpp>

namespace runnel::debug {

enum class Ending : u8 { kPanic, kHang };

/// `regs` are those of the code that failed (arch::capture_registers() for the caller's own).
[[noreturn]] void die(Ending ending, const arch::Registers& regs, std::string_view fmt,
                      std::span<const FormatArg> args);

/// `  cpu N: task NAME (pid P), interrupts on|off` and the backtrace, as the report shows it.
void print_cpu(CpuId cpu, const ThreadInfo* thread, const arch::Registers& regs, std::string_view text);

} // namespace runnel::debug
