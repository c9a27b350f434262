// SPDX-License-Identifier: Apache-2.0
// Faults that are expected, backtraces, symbols, the log, NMIs to other CPUs.
#include "kernel/debug/backtrace.hpp"
#include "kernel/debug/nmi.hpp"
#include "kernel/log/log.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/test/test.hpp"

#include <arch/layout.hpp>

namespace runnel {
namespace {

[[gnu::noinline]] debug::Backtrace innermost() {
  const debug::Backtrace trace = debug::backtrace_here();
  asm volatile("" ::: "memory"); // no tail call
  return trace;
}
[[gnu::noinline]] debug::Backtrace middle() {
  const debug::Backtrace trace = innermost();
  asm volatile("" ::: "memory");
  return trace;
}

bool names(const debug::Backtrace& trace, std::string_view function) {
  for (usize i = 0; i < trace.count; ++i) {
    char text[160];
    BufferSink sink{text};
    debug::print_symbol(trace.frames[i].return_address,
                        i == 0 ? debug::Lookup::kExact : debug::Lookup::kReturnAddress, sink);
    if (sink.view().find(function) != std::string_view::npos) return true;
  }
  return false;
}

// An address in the hole between the two halves' ends that no one maps.
constexpr u64 kUnmapped = arch::kVmapStart + arch::kVmapSize + 0x10;

} // namespace

RUNNEL_TEST(selftest, backtrace_names_callers)
{
  const debug::Backtrace trace = middle();
  CHECK(trace.count >= 4);
  CHECK(names(trace, "innermost"));
  CHECK(names(trace, "middle"));
  CHECK(names(trace, "test_selftest_backtrace_names_callers"));
  CHECK(!names(trace, "no such function"));
}

RUNNEL_TEST(selftest, symbol_outside_text)
{
  char text[64];
  BufferSink sink{text};
  debug::print_symbol(kUnmapped, debug::Lookup::kExact, sink);
  CHECK(sink.view() == "?");
}

RUNNEL_TEST(selftest, fault_of_a_read)
{
  const auto fault = test::faults([] { static_cast<void>(*reinterpret_cast<volatile u8*>(kUnmapped)); });
  REQUIRE(fault);
  CHECK(fault->kind == arch::FaultKind::kPage);
  CHECK(fault->access == arch::Access::kRead);
  CHECK(!fault->present);
  CHECK(fault->address == kUnmapped);
}

RUNNEL_TEST(selftest, fault_of_a_write)
{
  const auto fault = test::faults([] { *reinterpret_cast<volatile u64*>(kUnmapped + 8) = 1; });
  REQUIRE(fault);
  CHECK(fault->kind == arch::FaultKind::kPage);
  CHECK(fault->access == arch::Access::kWrite);
}

RUNNEL_TEST(selftest, fault_of_a_call)
{
  const auto fault = test::faults([] { reinterpret_cast<void (*)()>(kUnmapped & ~u64{0xfff})(); });
  REQUIRE(fault);
  CHECK(fault->kind == arch::FaultKind::kPage);
  CHECK(fault->access == arch::Access::kExecute);
}

RUNNEL_TEST(selftest, fault_of_a_trap)
{
  const auto fault = test::faults([] { __builtin_trap(); });
  REQUIRE(fault);
  CHECK(fault->kind == arch::FaultKind::kUndefined);
}

RUNNEL_TEST(selftest, fault_with_preemption_off)
{
  const auto fault = test::faults([] {
    const IrqGuard irqs_off;
    sync::preempt_disable();
    *reinterpret_cast<volatile u64*>(kUnmapped) = 1;
  });
  CHECK(fault);
  CHECK(arch::Cpu::irqs_enabled());
}

RUNNEL_TEST(selftest, no_fault)
{
  bool ran = false;
  CHECK(!test::faults([&] { ran = true; }));
  CHECK(ran);
}

RUNNEL_TEST(selftest, log_keeps_lines)
{
  printk_debug("selftest: line {} of the log", 42); // on the console only with log=debug
  static char buffer[4096];
  const std::string_view text = log::recent(buffer);
  CHECK(text.find("selftest: line 42 of the log\n") != std::string_view::npos);
  CHECK(text.starts_with("["));
}

RUNNEL_TEST(selftest, print_in_the_middle_of_printing)
{
  // As the lock checker or an NMI does; waiting for the console's lock here would be for ever.
  const log::RawBlock block;
  printk_debug("selftest: inside a block");
  static char buffer[4096];
  CHECK(log::recent(buffer).find("selftest: inside a block\n") != std::string_view::npos);
}

RUNNEL_TEST(selftest, nmi_reaches_every_cpu, .cpus = 2)
{
  const PreemptGuard stay;
  for (const CpuId cpu : online_cpus()) {
    if (cpu == arch::Cpu::this_cpu()) continue;
    const debug::CpuReport* report = debug::sample_cpu(cpu);
    REQUIRE(report != nullptr);
    CHECK(debug::is_kernel_text(report->regs.pc()));
    CHECK(debug::backtrace_of(report->regs, debug::Trust::kOwnStackOnly).count >= 2);
  }
}

} // namespace runnel
