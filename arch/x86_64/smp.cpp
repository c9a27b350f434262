// SPDX-License-Identifier: Apache-2.0
// INIT-SIPI-SIPI (Intel SDM volume 3, 9.4.4): the new CPU starts in real mode at the page the startup IPI
// names.
#include "arch/x86_64/clock_check.hpp"
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/local_apic.hpp"

#include <arch/cpu.hpp>
#include <arch/power.hpp>
#include <arch/smp.hpp>
#include <arch/timer.hpp>
#include <arch/topology.hpp>
#include <arch/upcalls.hpp>
#include <atomic>
#include <cstring>

extern "C" {
extern const char runnel_trampoline_start[], runnel_trampoline_end[];
extern runnel::u64
    runnel_boot_pml4[512]; // the boot path's tables: what they map, the trampoline needs to switch over

/// What a starting CPU takes from here (trampoline.S, by these offsets).
struct RunnelTrampolineData {
  runnel::u64 stack_top;
  runnel::u64 cpu;
  runnel::u64 idle;
  runnel::u64 kernel_cr3;
};
constinit RunnelTrampolineData runnel_trampoline_data = {};
}

namespace runnel::arch {
namespace {

constinit PhysAddr start_page;
constinit u32 apic_ids[kMaxCpus];
constinit std::atomic<u32> parked[kMaxCpus];

void delay(Duration d) {
  const Instant end = clock_now() + d;
  while (clock_now().is_before(end)) Cpu::relax();
}

} // namespace

void smp_init(const MachineInfo& machine, const PageTable& kernel_table, PhysAddr low_page) {
  for (u32 i = 0; i < machine.nr_cpus; ++i) apic_ids[i] = static_cast<u32>(machine.cpus[i].hw_id);
  start_page = low_page;
  if (low_page.value == 0) return; // no memory below 1 MiB: start_cpu refuses
  runnel_trampoline_data.kernel_cr3 = kernel_table.root().value;
  auto* page = static_cast<char*>(phys_to_virt(low_page));
  const auto size = static_cast<usize>(runnel_trampoline_end - runnel_trampoline_start);
  std::memcpy(page, runnel_trampoline_start, size);
  // The last words of the page: physical address of the boot tables, for CR3 while paging is being turned on.
  const std::optional<Mapping> boot_tables =
      kernel_table.query(VirtAddr{reinterpret_cast<u64>(runnel_boot_pml4)});
  const u64 cr3 = boot_tables ? boot_tables->phys.value : 0; // always mapped: it is part of the image
  std::memcpy(page + kPageSize - 8, &cr3, sizeof cr3);
}

Result<> start_cpu(CpuId cpu, VirtAddr stack_top, ThreadInfo* idle) {
  if (start_page.value == 0) return err(Errno::kNODEV);
  parked[cpu.value].store(0, std::memory_order_relaxed);
  runnel_trampoline_data.cpu = cpu.value;
  runnel_trampoline_data.idle = reinterpret_cast<u64>(idle);
  // Last, and taken by exchange: a CPU that was given up and comes after all must not take a stack twice.
  std::atomic_ref(runnel_trampoline_data.stack_top).store(stack_top.value, std::memory_order_release);
  Cpu::full_barrier(); // before the new CPU reads it; pairs with nothing but its start
  clock_check_begin();
  const u32 apic_id = apic_ids[cpu.value];
  const Cpu::IrqFlags flags = Cpu::irq_save();
  apic_send(apic_id, Delivery::kInit, 0);
  delay(10_us); // real hardware of this century; the emulator needs none
  const u32 vector = static_cast<u32>(start_page.value >> kPageShift);
  apic_send(apic_id, Delivery::kStartup, vector);
  delay(10_us);
  apic_send(apic_id, Delivery::kStartup, vector); // ignored by a CPU that the first one has started
  Cpu::irq_restore(flags);
  clock_check_end();
  return {};
}

void cpu_park() {
  timer_stop();
  // The store is the last thing done with memory: INIT may come at any moment after it. A non-maskable
  // interrupt would use an emergency stack and come back here.
  asm volatile("cli\n\tmovl $1, %0\n1:\thlt\n\tjmp 1b"
               : "=m"(*reinterpret_cast<u32*>(&parked[Cpu::this_cpu().value]))
               :
               : "memory");
  __builtin_unreachable();
}

bool cpu_is_parked(CpuId cpu) { return parked[cpu.value].load(std::memory_order_acquire) != 0; }

namespace {
bool is_expected(CpuId cpu) { return this_hw_id() == apic_ids[cpu.value]; }
} // namespace

} // namespace runnel::arch

extern "C" [[noreturn]] void runnel_secondary_main(runnel::u64 cpu, runnel::ThreadInfo* idle) {
  const runnel::CpuId id{static_cast<runnel::u32>(cpu)};
  if (!runnel::arch::is_expected(id)) runnel::arch::halt(); // late, and now another CPU's turn
  runnel::arch::cpu_init(id, idle);
  runnel::arch::clock_check_arrive();
  runnel::upcall::secondary_start(id);
}
