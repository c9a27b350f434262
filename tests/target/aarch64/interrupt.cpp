// SPDX-License-Identifier: Apache-2.0
// The non-maskable request into a CPU with interrupts off, and a device interrupt routed to each CPU.
#include "arch/aarch64/interrupts.hpp"
#include "kernel/debug/nmi.hpp"
#include "kernel/irq/device.hpp"
#include "kernel/time/clock.hpp"
#include "tests/target/threads.hpp"

#include <arch/cpu.hpp>
#include <arch/irqchip.hpp>
#include <arch/upcalls.hpp>

namespace runnel {
namespace {

using test::TestArch;

constexpr u64 kMaskI = 1u << 7;

RUNNEL_TEST(aarch64_interrupt, request_reaches_a_cpu_with_interrupts_off, .cpus = 2, .limit = 3_s,
            .arch = TestArch::kAarch64)
{
  if (!arch::nmi_is_unmaskable()) return test::skip("two security states: group 0 belongs to the secure one");
  std::atomic<bool> off{false}, done{false};
  std::atomic<u64> ipis_before{0}, ipis_after{0};
  auto body = [&](u32) {
    const arch::Cpu::IrqFlags flags = arch::Cpu::irq_save();
    ipis_before.store(arch::irq_counts(arch::Cpu::this_cpu()).ipi);
    off.store(true);
    while (!done.load()) arch::Cpu::relax();
    ipis_after.store(arch::irq_counts(arch::Cpu::this_cpu()).ipi);
    arch::Cpu::irq_restore(flags);
  };
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  constexpr CpuId kTarget{1};
  const u64 before = arch::irq_counts(kTarget).nmi;
  test::Threads<decltype(body)> thread(1, body, [kTarget](u32) { return CpuMask::of(kTarget); });
  while (!off.load()) yield();

  arch::send_ipi(kTarget, arch::Ipi::kReschedule); // has to wait until interrupts are on again
  const debug::CpuReport* report = debug::sample_cpu(kTarget);
  const u64 after = arch::irq_counts(kTarget).nmi;
  const bool answered = report != nullptr;
  const arch::Registers regs = answered ? report->regs : arch::Registers{};
  const bool names_its_thread = answered && report->thread != nullptr;
  done.store(true);
  thread.join();

  CHECK(answered);
  CHECK(names_its_thread);
  CHECK(after == before + 1);
  CHECK((regs.spsr & kMaskI) != 0); // it was let in although these were masked
  CHECK(!regs.irqs_were_enabled());
  CHECK(ipis_after.load() == ipis_before.load());
  CHECK(arch::irq_counts(kTarget).ipi > ipis_before.load());
  CHECK(set_affinity(current_task(), CpuMask::all()).has_value());
}

// PL031, the real-time clock of QEMU's virt: an alarm set to the current second fires at once.
constexpr u64 kRtcBase = 0x0901'0000;
constexpr u32 kRtcLine = 2;
constexpr u32 kRtcData = 0, kRtcMatch = 1, kRtcMask = 4, kRtcClear = 7; // words

struct Alarm {
  volatile u32* rtc;
  std::atomic<u32> fired{0};
  std::atomic<u32> on_cpu{~0u};
  std::atomic<bool> irqs_on{false};
};

void alarm_interrupt(u32, void* context) {
  auto& alarm = *static_cast<Alarm*>(context);
  alarm.rtc[kRtcMask] = 0;
  alarm.rtc[kRtcClear] = 1;
  alarm.irqs_on.store(arch::Cpu::irqs_enabled());
  alarm.on_cpu.store(arch::Cpu::this_cpu().value);
  alarm.fired.fetch_add(1);
}

RUNNEL_TEST(aarch64_interrupt, device_interrupt_goes_where_it_is_routed, .limit = 5_s,
            .arch = TestArch::kAarch64)
{
  Alarm alarm{.rtc = static_cast<volatile u32*>(upcall::map_device({kRtcBase}, kPageSize))};
  u32 expected = 0;
  for (const CpuId cpu : online_cpus()) {
    const u64 before = arch::irq_counts(cpu).device;
    REQUIRE(irq::request_irq(kRtcLine, cpu, alarm_interrupt, &alarm).has_value());
    alarm.rtc[kRtcMask] = 1;
    alarm.rtc[kRtcMatch] = alarm.rtc[kRtcData];
    ++expected;
    const Instant limit = time::now() + 3_s; // a second may have begun between the read and the write
    while (alarm.fired.load() < expected && time::now().is_before(limit)) {
      alarm.rtc[kRtcMatch] = alarm.rtc[kRtcData];
      yield();
    }
    irq::free_irq(kRtcLine);
    CHECK(alarm.fired.load() >= expected);
    expected = alarm.fired.load();
    CHECK(alarm.on_cpu.load() == cpu.value);
    CHECK(!alarm.irqs_on.load());
    CHECK(arch::irq_counts(cpu).device > before);
  }
}

RUNNEL_TEST(aarch64_interrupt, lines_beyond_the_controller_are_refused, .arch = TestArch::kAarch64)
{
  CHECK(arch::irq_enable_line(1020, CpuId{0}) == err(Errno::kINVAL));
  CHECK(arch::irq_enable_line(kRtcLine, CpuId{kMaxCpus}) == err(Errno::kINVAL));
}

} // namespace
} // namespace runnel
