// SPDX-License-Identifier: Apache-2.0
// NMI, double fault and machine check have stacks of their own on every CPU, which the frames left there
// prove.
#include "kernel/debug/nmi.hpp"
#include "tests/target/threads.hpp"
#include "tests/target/x86_64/probes.hpp"

#include <arch/cpu.hpp>

extern "C" {
runnel::u64 test_overflow_stack(); // exception_probe.S
runnel::u64 test_machine_check();
extern const char test_overflow_resume[], test_machine_check_resume[];
}

namespace runnel {
namespace {

using test::TestArch;

RUNNEL_TEST(x86_64_stack, overflow_is_a_double_fault_on_its_own_stack, .arch = TestArch::kX86_64)
{
  // Twice on each CPU: the first leaves nothing behind that breaks the second.
  test::run_on_each_cpu([](u32) {
    for (u32 i = 0; i < 2; ++i) {
      const arch::Cpu::IrqFlags flags = arch::Cpu::irq_save();
      const u64 bottom = align_down(arch::Cpu::frame_pointer(), arch::kStackSize);
      const u64 sp = test_overflow_stack();
      const arch::Registers frame = test::last_frame(test::kIstDoubleFault);
      arch::Cpu::irq_restore(flags);
      CHECK(sp == bottom);
      CHECK(frame.vector == 8);
      CHECK(frame.sp() == bottom);
      CHECK(frame.pc() == reinterpret_cast<uptr>(test_overflow_resume)); // where the fixup sent it
    }
  });
}

RUNNEL_TEST(x86_64_stack, machine_check_has_its_own_stack, .arch = TestArch::kX86_64)
{
  test::run_on_each_cpu([](u32) {
    const arch::Cpu::IrqFlags flags = arch::Cpu::irq_save();
    const u64 sp = test_machine_check();
    const arch::Registers frame = test::last_frame(test::kIstMachineCheck);
    arch::Cpu::irq_restore(flags);
    CHECK(frame.vector == 18);
    CHECK(frame.sp() == sp);
    CHECK(frame.pc() == reinterpret_cast<uptr>(test_machine_check_resume));
  });
}

RUNNEL_TEST(x86_64_stack, nmi_has_its_own_stack, .limit = 10_s, .arch = TestArch::kX86_64)
{
  // An NMI to oneself, interrupts off. One CPU after the other: there is one asker at a time.
  for (const CpuId cpu : online_cpus()) {
    REQUIRE(set_affinity(current_task(), CpuMask::of(cpu)).has_value());
    const arch::Cpu::IrqFlags flags = arch::Cpu::irq_save();
    const debug::CpuReport* report = debug::sample_cpu(cpu);
    const arch::Registers frame = test::last_frame(test::kIstNmi);
    const u64 here = arch::Cpu::frame_pointer();
    arch::Cpu::irq_restore(flags);
    REQUIRE(report != nullptr);
    CHECK(frame.vector == 2);
    CHECK(frame.pc() == report->regs.pc());
    CHECK(frame.sp() == report->regs.sp());
    CHECK(align_down(frame.sp(), arch::kStackSlot) == align_down(here, arch::kStackSlot)); // it came in here
    CHECK(!frame.irqs_were_enabled());
  }
  CHECK(set_affinity(current_task(), CpuMask::all()).has_value());
}

RUNNEL_TEST(x86_64_stack, no_two_cpus_share_one, .arch = TestArch::kX86_64)
{
  static constinit std::atomic<u64> tops[kMaxCpus][arch::kEmergencyStacks];
  test::run_on_each_cpu([](u32 cpu) {
    for (u32 i = 0; i < arch::kEmergencyStacks; ++i) tops[cpu][i].store(test::ist_top(i + 1));
  });
  const u32 cpus = online_cpus().count();
  for (u32 i = 0; i < cpus * arch::kEmergencyStacks; ++i) {
    const u64 top = tops[i / arch::kEmergencyStacks][i % arch::kEmergencyStacks].load();
    CHECK(top % arch::kStackSlot == 0);
    CHECK(top > arch::kVmapStart);
    CHECK(top <= arch::kVmapStart + arch::kVmapSize);
    for (u32 j = 0; j < i; ++j)
      CHECK(top != tops[j / arch::kEmergencyStacks][j % arch::kEmergencyStacks].load());
  }
}

} // namespace
} // namespace runnel
