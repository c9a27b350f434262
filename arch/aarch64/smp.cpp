// SPDX-License-Identifier: Apache-2.0
// Starting other CPUs by PSCI CPU_ON.
#include "arch/aarch64/psci.hpp"
#include "arch/aarch64/translation.hpp"

#include <arch/cpu.hpp>
#include <arch/power.hpp>
#include <arch/smp.hpp>
#include <arch/timer.hpp>
#include <arch/upcalls.hpp>

extern "C" {
void runnel_secondary_entry();
extern const char runnel_secondary_virtual[];
extern char boot_identity_tables[];
}

namespace runnel::arch {
namespace {

/// Read by startup.S through its physical address before the MMU is on; the order is known there.
struct alignas(kCacheLine) SecondaryStart {
  u64 identity_root;
  u64 kernel_root;
  ThreadInfo* idle;
  u64 continue_at;
  u64 stack_top;
  u64 cpu;
};

constinit SecondaryStart start{};
constinit PhysAddr start_phys{}, entry_phys{};
constinit const MachineInfo* described = nullptr;

PhysAddr physical(const PageTable& table, const void* address) {
  const auto mapping = table.query({reinterpret_cast<u64>(address)});
  return mapping ? mapping->phys : PhysAddr{};
}

/// The new CPU reads `data` with its caches off.
void clean_to_memory(const void* data) { asm volatile("dc civac, %0\n\tdsb sy" ::"r"(data) : "memory"); }

} // namespace

void smp_init(const MachineInfo& machine, const PageTable& kernel_table, PhysAddr) {
  psci_set_conduit(machine.psci);
  described = &machine;
  start.kernel_root = kernel_table.root().value;
  start.identity_root = physical(kernel_table, boot_identity_tables).value;
  start.continue_at = reinterpret_cast<u64>(runnel_secondary_virtual);
  start_phys = physical(kernel_table, &start);
  entry_phys = physical(kernel_table, reinterpret_cast<const void*>(&runnel_secondary_entry));
}

Result<> start_cpu(CpuId cpu, VirtAddr stack_top, ThreadInfo* idle) {
  if (described == nullptr || cpu.value >= described->nr_cpus || entry_phys == PhysAddr{})
    return err(Errno::kINVAL);
  start.idle = idle;
  start.stack_top = stack_top.value;
  start.cpu = cpu.value;
  static_assert(sizeof(SecondaryStart) == kCacheLine, "one line to clean");
  // Everything the new CPU reads once its MMU is on is ordered before CPU_ON by the barrier in here.
  clean_to_memory(&start);
  const i32 status =
      psci_call(PsciFunction::kCpuOn, described->cpus[cpu.value].hw_id, entry_phys.value, start_phys.value);
  if (status != kPsciSuccess) return err(Errno::kNODEV);
  return {};
}

void cpu_park() {
  timer_stop();
  psci_call(PsciFunction::kCpuOff);
  halt(); // the firmware refused: it stays, and cpu_is_parked says so
}

bool cpu_is_parked(CpuId cpu) {
  return psci_call(PsciFunction::kAffinityInfo, described->cpus[cpu.value].hw_id) == kPsciAffinityOff;
}

} // namespace runnel::arch

/// startup.S: MMU on, on the idle thread's stack.
extern "C" [[noreturn]] void runnel_secondary_main(runnel::u64 cpu, runnel::ThreadInfo* idle) {
  const runnel::CpuId id{static_cast<runnel::u32>(cpu)};
  runnel::arch::cpu_init(id, idle);
  runnel::arch::user_half_off();
  runnel::upcall::secondary_start(id);
}
