// SPDX-License-Identifier: Apache-2.0
// NMI into a CPU with interrupts off, and device interrupts through the I/O APIC.
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/ioapic.hpp"
#include "kernel/debug/nmi.hpp"
#include "kernel/irq/device.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

#include <arch/cpu.hpp>
#include <arch/irqchip.hpp>

namespace runnel {
namespace {

using test::TestArch;

RUNNEL_TEST(x86_64_interrupt, nmi_reaches_a_cpu_with_interrupts_off, .cpus = 2, .limit = 5_s,
            .arch = TestArch::kX86_64)
{
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
  const ThreadInfo* interrupted = answered ? report->thread : nullptr;
  const ThreadInfo* expected = &thread[0].thread;
  done.store(true);
  thread.join();

  CHECK(answered);
  CHECK(interrupted == expected);
  CHECK(after == before + 1);
  CHECK(!regs.irqs_were_enabled());
  CHECK(ipis_after.load() == ipis_before.load());
  CHECK(arch::irq_counts(kTarget).ipi > ipis_before.load());
  CHECK(set_affinity(current_task(), CpuMask::all()).has_value());
}

/// A device that can be made to interrupt once.
struct Device {
  u32 irq;
  void (*fire)();
  void (*quiet)(); // called in the handler
};

// Channel 0 of the PIT in mode 0: one edge when the count is over (Intel 8254).
constexpr u32 kPitIrq = 0;
constexpr u16 kPitCommand = 0x43, kPitCounter0 = 0x40;
constexpr u16 kPitCount = 1194; // 1 ms

void pit_fire() {
  arch::out8(kPitCommand, 0x30);
  arch::out8(kPitCounter0, kPitCount & 0xff);
  arch::out8(kPitCounter0, kPitCount >> 8);
}

constexpr Device kPit{kPitIrq, pit_fire, [] {}};

/// Its line is on another input than its number; not every machine's tables say on which.
const char* pit_unusable() {
  const arch::MachineInfo& machine = machine_info();
  pit_fire();
  arch::out8(kPitCommand, 0xe2); // latch the status of channel 0; ports without a device read as ones
  if ((arch::in8(kPitCounter0) & 0x3f) != 0x30) return "the machine has no PIT";
  for (u32 i = 0; i < machine.nr_overrides; ++i)
    if (machine.overrides[i].source == kPitIrq) return nullptr;
  return "the firmware does not say which input the PIT is on";
}

// The UART's "may send again", which an idle one is always ready to say (16550, interrupt enable register).
u16 uart_interrupt_enable() { return static_cast<u16>(machine_info().uart_base + 1); }
void uart_fire() { arch::out8(uart_interrupt_enable(), 0x02); }
void uart_quiet() { arch::out8(uart_interrupt_enable(), 0); }
/// Its only user sets the enable register for good.
bool shell_has_uart() { return arch::in8(uart_interrupt_enable()) != 0; }
constexpr const char* kShellHasUart = "the shell uses the UART's interrupt";

struct Record {
  void (*quiet)();
  std::atomic<u32> fired{0};
  std::atomic<u32> on_cpu{~0u};
  std::atomic<u32> line{~0u};
  std::atomic<bool> irqs_on{false};
};

void on_interrupt(u32 line, void* context) {
  auto& record = *static_cast<Record*>(context);
  record.quiet();
  record.irqs_on.store(arch::Cpu::irqs_enabled());
  record.on_cpu.store(arch::Cpu::this_cpu().value);
  record.line.store(line);
  record.fired.fetch_add(1);
}

void check_routing(const Device& device) {
  Record record{.quiet = device.quiet};
  for (const CpuId cpu : online_cpus()) {
    const u64 before = arch::irq_counts(cpu).device;
    REQUIRE(irq::request_irq(device.irq, cpu, on_interrupt, &record).has_value());
    record.fired.store(0);
    device.fire();
    const Instant limit = time::now() + 3_s;
    while (record.fired.load() == 0 && time::now().is_before(limit)) yield();
    sleep_for(2_ms); // a second one would be wrong
    irq::free_irq(device.irq);
    CHECK(record.fired.load() == 1u);
    CHECK(record.on_cpu.load() == cpu.value);
    CHECK(record.line.load() == device.irq); // by its own number, whatever input it is on
    CHECK(!record.irqs_on.load());
    CHECK(arch::irq_counts(cpu).device == before + 1);
  }
}

RUNNEL_TEST(x86_64_interrupt, device_on_another_input_than_its_number, .limit = 20_s,
            .arch = TestArch::kX86_64)
{
  if (const char* why = pit_unusable()) return test::skip(why);
  sleep_for(3_ms); // its shot is over
  check_routing(kPit);
}

RUNNEL_TEST(x86_64_interrupt, device_interrupt_goes_where_it_is_routed, .limit = 20_s,
            .arch = TestArch::kX86_64)
{
  REQUIRE(machine_info().uart == arch::UartKind::k16550Port);
  if (shell_has_uart()) return test::skip(kShellHasUart);
  check_routing({machine_info().uart_irq, uart_fire, uart_quiet});
}

RUNNEL_TEST(x86_64_interrupt, disabled_line_is_silent, .limit = 2_s, .arch = TestArch::kX86_64)
{
  if (shell_has_uart()) return test::skip(kShellHasUart);
  const u32 irq = machine_info().uart_irq;
  Record record{.quiet = uart_quiet};
  REQUIRE(irq::request_irq(irq, CpuId{0}, on_interrupt, &record).has_value());
  arch::irq_disable_line(irq);
  uart_fire();
  sleep_for(3_ms);
  uart_quiet();
  irq::free_irq(irq);
  CHECK(record.fired.load() == 0u);
}

RUNNEL_TEST(x86_64_interrupt, overrides_of_the_firmware_hold, .arch = TestArch::kX86_64)
{
  const arch::MachineInfo& machine = machine_info();
  bool overridden[16] = {};
  for (u32 i = 0; i < machine.nr_overrides; ++i) {
    const arch::IrqOverride& one = machine.overrides[i];
    CHECK(arch::isa_irq_to_gsi(one.source) == one.gsi);
    if (one.source < 16) overridden[one.source] = true;
  }
  for (u32 irq = 0; irq < 16; ++irq)
    if (!overridden[irq]) CHECK(arch::isa_irq_to_gsi(irq) == irq);
}

RUNNEL_TEST(x86_64_interrupt, lines_beyond_the_controllers_are_refused, .arch = TestArch::kX86_64)
{
  const arch::MachineInfo& machine = machine_info();
  CHECK(machine.nr_ioapics > 0u);
  for (const u32 line : {170u, 1020u, ~0u})
    CHECK(arch::irq_enable_line(line, CpuId{0}) == err(Errno::kNODEV));
  CHECK(arch::irq_enable_line(kPitIrq, CpuId{kMaxCpus}) == err(Errno::kINVAL));
}

} // namespace
} // namespace runnel
