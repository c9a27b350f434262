// SPDX-License-Identifier: Apache-2.0
// What arch/cpu.hpp, exception.hpp and irqchip.hpp promise on every architecture.
#include "tests/target/threads.hpp"

#include <arch/cpu.hpp>
#include <arch/exception.hpp>
#include <arch/irqchip.hpp>
#include <arch/layout.hpp>
#include <arch/topology.hpp>
#include <bit>

namespace runnel {
namespace {

using arch::Access;
using arch::Cpu;
using arch::FaultKind;

RUNNEL_TEST(arch_cpu, interrupt_state_nests)
{
  CHECK(Cpu::irqs_enabled());
  const Cpu::IrqFlags outer = Cpu::irq_save();
  const bool off = Cpu::irqs_enabled();
  const Cpu::IrqFlags inner = Cpu::irq_save();
  Cpu::irq_restore(inner);
  const bool still_off = Cpu::irqs_enabled();
  Cpu::irq_restore(outer);
  CHECK(!off);
  CHECK(!still_off);
  CHECK(Cpu::irqs_enabled());
}

RUNNEL_TEST(arch_cpu, numbers_and_hardware_ids_match)
{
  test::run_on_each_cpu([](u32 cpu) {
    CHECK(Cpu::this_cpu().value == cpu);
    CHECK(arch::this_hw_id() == machine_info().cpus[cpu].hw_id);
  });
}

RUNNEL_TEST(arch_cpu, current_thread_follows_across_cpus, .cpus = 2)
{
  ThreadInfo* const self = Cpu::current();
  CHECK(self == &current_task().thread);
  for (const CpuId cpu : online_cpus()) {
    REQUIRE(set_affinity(current_task(), CpuMask::of(cpu)).has_value());
    CHECK(Cpu::this_cpu().value == cpu.value);
    CHECK(Cpu::current() == self);
  }
  CHECK(set_affinity(current_task(), CpuMask::all()).has_value());
}

RUNNEL_TEST(arch_cpu, pending_interrupt_ends_the_wait, .limit = 10_s)
{
  // Sent before the wait begins: the wake-up that must not be lost. The test's limit ends it when it is.
  for (u32 i = 0; i < 20; ++i) {
    const Cpu::IrqFlags flags = Cpu::irq_save();
    const CpuId here = Cpu::this_cpu();
    const u64 before = arch::irq_counts(here).ipi;
    arch::send_ipi(here, arch::Ipi::kReschedule);
    const u64 masked = arch::irq_counts(here).ipi;
    while (arch::irq_counts(here).ipi == before) Cpu::wait_for_interrupt();
    const bool still_off = !Cpu::irqs_enabled();
    Cpu::irq_restore(flags);
    CHECK(masked == before);
    CHECK(still_off);
  }
}

RUNNEL_TEST(arch_cpu, cpus_interrupt_each_other, .limit = 20_s)
{
  // All pairs of a few CPUs; of many, those whose numbers are a power of two apart, as the emulator is slow
  // at it.
  const u32 cpus = online_cpus().count();
  test::run_on_each_cpu([cpus](u32 cpu) {
    for (u32 distance = 0; distance < cpus; ++distance) {
      if (distance > 4 && !std::has_single_bit(distance)) continue;
      const CpuId to{(cpu + distance) % cpus};
      const u64 before = arch::irq_counts(to).ipi;
      arch::send_ipi(to, arch::Ipi::kReschedule);
      while (arch::irq_counts(to).ipi == before) arch::Cpu::relax(); // the test's limit ends it
    }
  });
}

RUNNEL_TEST(arch_cpu, captured_registers_point_here)
{
  const arch::Registers regs = arch::capture_registers();
  const auto here = reinterpret_cast<uptr>(__builtin_frame_address(0));
  CHECK(regs.fp() == here);
  CHECK(regs.sp() <= here);
  CHECK(here - regs.sp() < arch::kStackSize);
  CHECK(regs.pc() >= arch::kImageBase);
  char text[2000];
  BufferSink sink(text);
  arch::dump_registers(regs, sink);
  CHECK(!sink.truncated());
  CHECK(!sink.view().empty());
}

RUNNEL_TEST(arch_exception, undefined_instruction)
{
  const auto fault = test::faults([] { __builtin_trap(); });
  REQUIRE(fault.has_value());
  CHECK(fault->kind == FaultKind::kUndefined);
}

RUNNEL_TEST(arch_exception, breakpoint)
{
  const auto fault = test::faults([] {
#if defined(__x86_64__)
    asm volatile("int3");
#else
    asm volatile("brk #0");
#endif
  });
  REQUIRE(fault.has_value());
  CHECK(fault->kind == FaultKind::kBreakpoint);
}

RUNNEL_TEST(arch_exception, page_fault_tells_address_and_access)
{
  constexpr u64 kHole = arch::kVmapStart + arch::kVmapSize + 0x123450;
  const auto read = test::faults([] { static_cast<void>(*reinterpret_cast<volatile u64*>(kHole)); });
  const auto write = test::faults([] { *reinterpret_cast<volatile u64*>(kHole) = 1; });
  const auto execute = test::faults([] { reinterpret_cast<void (*)()>(kHole)(); });
  struct {
    const std::optional<arch::Fault>& fault;
    Access access;
  } const expected[] = {{read, Access::kRead}, {write, Access::kWrite}, {execute, Access::kExecute}};
  for (const auto& [fault, access] : expected) {
    REQUIRE(fault.has_value());
    CHECK(fault->kind == FaultKind::kPage);
    CHECK(fault->access == access);
    CHECK(!fault->present);
    CHECK(fault->address == kHole);
  }
}

RUNNEL_TEST(arch_exception, every_cpu_takes_faults, .limit = 20_s)
{
  for (const CpuId cpu : online_cpus()) { // one after the other: only so many can be expected at once
    REQUIRE(set_affinity(current_task(), CpuMask::of(cpu)).has_value());
    const auto fault = test::faults([] { *reinterpret_cast<volatile u64*>(16) = 1; });
    REQUIRE(fault.has_value());
    CHECK(fault->address == 16u);
  }
  CHECK(set_affinity(current_task(), CpuMask::all()).has_value());
}

} // namespace
} // namespace runnel
