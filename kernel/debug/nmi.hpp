// SPDX-License-Identifier: Apache-2.0
// Getting at what other CPUs are doing, whatever their interrupt state: they are sent an NMI and leave their
// registers in a slot.
#pragma once

#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/thread_info.hpp"

#include <arch/exception.hpp>
#include <optional>
#include <string_view>

namespace runnel::debug {

/// What a CPU that was asked left behind.
struct CpuReport {
  arch::Registers regs;
  const ThreadInfo* thread = nullptr; // that ran there
  char text[160] = {};                // why it had stopped by itself, if it had
};

/// Asks `cpus` to stop for ever and waits for their answers, at most about two seconds; the ones that
/// answered. Interrupts off.
CpuMask stop_cpus(CpuMask cpus);
/// Asks `cpu` for its registers and lets it go on; nullptr when it did not answer within a second. One caller
/// at a time. The report stays valid until the next request.
const CpuReport* sample_cpu(CpuId cpu);
/// The report of a CPU that answered.
const CpuReport& report_of(CpuId cpu);

/// For a CPU that wants to report while another one is: leaves its registers and `text` for that one and
/// stops.
[[noreturn]] void stop_with_report(const arch::Registers& regs, std::string_view text);

} // namespace runnel::debug
