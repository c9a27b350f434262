// SPDX-License-Identifier: Apache-2.0
#include "kernel/debug/fault.hpp"

#include "kernel/debug/backtrace.hpp"
#include "kernel/debug/report.hpp"
#include "kernel/user/fault.hpp"

#include <arch/cpu.hpp>
#include <arch/upcalls.hpp>
#include <atomic>
#include <span>

extern "C" const runnel::debug::Fixup __fixups_start[], __fixups_end[];

namespace runnel::debug {
namespace {

constinit std::atomic<FaultProbe*> probes[8];

/// The kernel reached for user memory: the page is brought in, or the access goes on at its fixup.
bool resume_at_fixup(const arch::Fault& fault, arch::Registers& regs) {
  for (const Fixup* fixup = __fixups_start; fixup != __fixups_end; ++fixup) {
    if (fixup->at != regs.pc()) continue;
    if (!user::handle_uaccess_fault(fault, regs)) regs.set_pc(fixup->resume);
    return true;
  }
  return false;
}

/// A fault on the thread's own stack can be landed; one that lost the stack, or came from the machine,
/// cannot.
bool can_land(arch::FaultKind kind) {
  return kind != arch::FaultKind::kStackOverflow && kind != arch::FaultKind::kDoubleFault &&
         kind != arch::FaultKind::kMachineCheck;
}

bool resume_at_probe(const arch::Fault& fault, arch::Registers& regs) {
  if (!can_land(fault.kind)) return false;
  const ThreadInfo* self = arch::Cpu::current();
  for (auto& slot : probes) {
    FaultProbe* probe =
        slot.load(std::memory_order_acquire); // pairs with fault_probe_begin: the probe is complete
    if (probe == nullptr || probe->thread != self || probe->fault) continue;
    probe->fault = fault;
    regs.set_pc(reinterpret_cast<uptr>(probe->landing));
    return true;
  }
  return false;
}

} // namespace

Result<> fault_probe_begin(FaultProbe& probe) {
  for (auto& slot : probes) {
    FaultProbe* empty = nullptr;
    // Release: pairs with the acquire in resume_at_probe, should the thread be moved to another CPU.
    if (slot.compare_exchange_strong(empty, &probe, std::memory_order_release, std::memory_order_relaxed))
      return {};
  }
  return err(Errno::kBUSY);
}

void fault_probe_end(FaultProbe& probe) {
  for (auto& slot : probes) {
    FaultProbe* expected = &probe;
    if (slot.compare_exchange_strong(expected, nullptr, std::memory_order_release, std::memory_order_relaxed))
      return;
  }
}

void describe_fault(const arch::Fault& fault, Sink& sink) {
  sink.write(fault.name);
  if (fault.access != arch::Access::kNone) {
    static constexpr std::string_view kVerbs[] = {"access to", "read from", "write to", "execution of"};
    format_to(sink, ": {} {:#x}", kVerbs[static_cast<usize>(fault.access)], fault.address);
  }
  if (fault.kind == arch::FaultKind::kPage)
    sink.write(fault.present ? " (mapped, but not for this)" : " (not mapped)");
  format_to(sink, ", code {:#x}", fault.code);
}

} // namespace runnel::debug

namespace runnel::upcall {

void fault(const arch::Fault& fault, arch::Registers& regs) {
  if (debug::resume_at_fixup(fault, regs) || debug::resume_at_probe(fault, regs)) return;
  char text[160];
  BufferSink sink{text};
  debug::describe_fault(fault, sink);
  sink.write(" at ");
  debug::print_symbol(regs.pc(), debug::Lookup::kExact, sink);
  const FormatArg args[] = {sink.view()};
  debug::die(debug::Ending::kPanic, regs, "{}", args);
}

} // namespace runnel::upcall
