// SPDX-License-Identifier: Apache-2.0
// The state every CPU is in after its start, whichever exception level the machine entered it at.
#include "tests/target/aarch64/probes.hpp"
#include "tests/target/threads.hpp"

#include <arch/cpu.hpp>
#include <arch/timer.hpp>
#include <initializer_list>

namespace runnel {
namespace {

using test::TestArch;

constexpr u64 kEl1 = 1u << 2;
constexpr u64 kMaskF = 1u << 6, kMaskI = 1u << 7, kMaskA = 1u << 8;
constexpr u64 kMmu = 1u << 0, kDataCache = 1u << 2, kSpAlignment = 1u << 3, kInstructionCache = 1u << 12,
              kWxn = 1u << 19;
constexpr u64 kTcrEpd0 = 1u << 7, kTcrEpd1 = 1u << 23;

RUNNEL_TEST(aarch64_state, every_cpu_is_set_up, .arch = TestArch::kAarch64)
{
  test::run_on_each_cpu([](u32) {
    CHECK(test::read_currentel() == kEl1);
    CHECK(test::read_spsel() == 1);
    CHECK(test::read_pan() != 0);
    CHECK((test::read_daif() & (kMaskA | kMaskI | kMaskF)) ==
          0); // SError, interrupts, the non-maskable request
    for (const u64 bit : {kMmu, kDataCache, kInstructionCache, kSpAlignment, kWxn})
      CHECK((test::read_sctlr_el1() & bit) == bit);
    CHECK((test::read_tcr_el1() & (kTcrEpd0 | kTcrEpd1)) == kTcrEpd0);
  });
}

RUNNEL_TEST(aarch64_state, masking_interrupts_leaves_the_request_open, .arch = TestArch::kAarch64)
{
  const auto outer = arch::Cpu::irq_save();
  const u64 masked = test::read_daif();
  const auto inner = arch::Cpu::irq_save();
  arch::Cpu::irq_restore(inner);
  const bool still_off = !arch::Cpu::irqs_enabled();
  arch::Cpu::irq_restore(outer);
  CHECK((masked & kMaskI) != 0);
  CHECK((masked & (kMaskF | kMaskA)) == 0);
  CHECK(still_off);
  CHECK(arch::Cpu::irqs_enabled());
}

RUNNEL_TEST(aarch64_state, clock_follows_the_counter, .arch = TestArch::kAarch64)
{
  u64 frequency;
  asm volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
  const arch::Cpu::IrqFlags flags = arch::Cpu::irq_save();
  const u64 ticks_before = arch::Cpu::cycles();
  const Instant before = arch::clock_now();
  while ((arch::clock_now() - before) < 200_us) arch::Cpu::relax();
  const Instant after = arch::clock_now();
  const u64 ticks = arch::Cpu::cycles() - ticks_before;
  arch::Cpu::irq_restore(flags);
  // The ticks span the clock's interval, which is therefore not longer.
  const u64 clock_ticks = static_cast<u64>((after - before).ns) * (frequency / 1000) / 1'000'000;
  CHECK(clock_ticks <= ticks + 1);
  CHECK(clock_ticks > 0);
}

} // namespace
} // namespace runnel
