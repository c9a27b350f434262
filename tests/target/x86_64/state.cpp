// SPDX-License-Identifier: Apache-2.0
// The state every CPU is in after its start: what CPUID offers is on, tables are its own.
#include "arch/x86_64/instructions.hpp"
#include "tests/target/threads.hpp"
#include "tests/target/x86_64/probes.hpp"

#include <arch/cpu.hpp>

namespace runnel {
namespace {

using test::TestArch;

constexpr u64 kCr0 = 1u << 31 | 1u << 16 | 1u << 5 | 1u << 3 | 1u << 1 | 1u << 0; // PG WP NE TS MP PE
constexpr u64 kCr0Off = 1u << 30 | 1u << 29 | 1u << 2;                            // CD NW EM
constexpr u64 kEfer = 1u << 11 | 1u << 10 | 1u << 8;                              // NXE LMA LME
constexpr u64 kPae = 1u << 5, kMachineCheck = 1u << 6, kGlobalPages = 1u << 7, kUmip = 1u << 11,
              kLa57 = 1u << 12, kSmep = 1u << 20, kSmap = 1u << 21;

u64 expected_cr4() {
  u64 cr4 = kPae | kGlobalPages;
  if ((arch::cpuid(1).edx & 1u << 7) != 0) cr4 |= kMachineCheck;
  if ((arch::cpuid(7).ebx & 1u << 7) != 0) cr4 |= kSmep;
  if ((arch::cpuid(7).ebx & 1u << 20) != 0) cr4 |= kSmap;
  if ((arch::cpuid(7).ecx & 1u << 2) != 0) cr4 |= kUmip;
  return cr4;
}

RUNNEL_TEST(x86_64_state, protection_is_on_on_every_cpu, .arch = TestArch::kX86_64)
{
  test::run_on_each_cpu([](u32) {
    CHECK((arch::read_cr0() & (kCr0 | kCr0Off)) == kCr0);
    CHECK((arch::read_cr4() & expected_cr4()) == expected_cr4());
    CHECK((arch::read_cr4() & kLa57) == 0u);
    CHECK((arch::read_msr(arch::kMsrEfer) & kEfer) == kEfer);
    CHECK((arch::read_cr3() & ~(kPageSize - 1)) == kernel_page_table().root().value);
  });
}

RUNNEL_TEST(x86_64_state, every_cpu_has_its_own_task_state, .arch = TestArch::kX86_64)
{
  static constinit std::atomic<u64> task_states[kMaxCpus];
  test::run_on_each_cpu([](u32 cpu) {
    task_states[cpu].store(test::task_state());
    CHECK(arch::Cpu::this_cpu().value == cpu);
    CHECK(&arch::Cpu::local() == &arch::cpu_local(CpuId{cpu}));
    CHECK(arch::read_msr(arch::kMsrGsBase) == reinterpret_cast<u64>(&arch::cpu_local(CpuId{cpu})));
  });
  for (u32 i = 0; i < online_cpus().count(); ++i)
    for (u32 j = 0; j < i; ++j) CHECK(task_states[i].load() != task_states[j].load());
}

RUNNEL_TEST(x86_64_state, captured_registers_are_those_of_the_caller, .arch = TestArch::kX86_64)
{
  const arch::Registers regs = arch::capture_registers();
  CHECK(regs.cs == 0x08u);
  // An entry from user mode leaves the null selector there, which 64-bit mode runs with as well.
  CHECK((regs.ss == 0x10u || regs.ss == 0u));
  CHECK(regs.fp() == arch::Cpu::frame_pointer());
  CHECK(regs.irqs_were_enabled());
  CHECK(!regs.from_user());
}

} // namespace
} // namespace runnel
