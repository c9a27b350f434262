// SPDX-License-Identifier: Apache-2.0
// What happens on a synchronous fault: code that expects one goes on, everything else ends in a panic report.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/thread_info.hpp"
#include "kernel/lib/types.hpp"

#include <arch/exception.hpp>
#include <optional>

namespace runnel::debug {

/// One entry of the section .runnel.fixups: a fault of the instruction at `at` continues at `resume`.
struct Fixup {
  u64 at;
  u64 resume;
};
static_assert(sizeof(Fixup) == 16);

/// A thread that expects to fault: registered while `fault_probe_begin` .. `fault_probe_end`. When it faults,
/// the fault is recorded and the thread continues in `landing` (which never returns), on its stack as it was,
/// interrupts as they were.
struct FaultProbe {
  const ThreadInfo* thread = nullptr;
  void (*landing)() = nullptr;
  std::optional<arch::Fault> fault;
};
/// kBUSY: too many at once.
Result<> fault_probe_begin(FaultProbe& probe);
void fault_probe_end(FaultProbe& probe);

/// "page fault: write to 0x10 (not mapped)" and the like.
void describe_fault(const arch::Fault& fault, Sink& sink);

} // namespace runnel::debug
