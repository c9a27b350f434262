// SPDX-License-Identifier: Apache-2.0
#include "kernel/smp/bringup.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/log/log.hpp"
#include "kernel/mm/init.hpp"
#include "kernel/mm/vmap.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/idle.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/time/clock.hpp"

#include <arch/smp.hpp>
#include <arch/upcalls.hpp>
#include <arch/vdso.hpp>
#include <sched/sched.hpp>

namespace runnel {
namespace {
constinit arch::MachineInfo machine;
constinit AtomicCpuMask online;
constinit AtomicCpuMask active;
} // namespace

const arch::MachineInfo& machine_info() { return machine; }
u32 nr_cpus() { return machine.nr_cpus; }
CpuMask online_cpus() { return online.load(); }
CpuMask active_cpus() { return active.load(); }
void set_cpu_active(CpuId cpu) { active.set(cpu); }
void set_cpu_inactive(CpuId cpu) { active.clear(cpu); }
void set_cpu_offline(CpuId cpu) { online.clear(cpu); }

namespace smp {
namespace {

/// Made once a CPU: they stay when it goes down.
void give_emergency_stacks(CpuId cpu) {
  static constinit VirtAddr kept[kMaxCpus][arch::kEmergencyStacks];
  auto& tops = kept[cpu.value];
  for (VirtAddr& top : tops) {
    if (top.value != 0) continue;
    const Result<VirtAddr> stack = stack_alloc();
    if (!stack) panic("cpu {}: no memory for its emergency stacks", cpu);
    top = *stack;
  }
  arch::cpu_init_stacks(cpu, tops);
}

void stopper_body(void* arg) { sched::stopper_main(CpuId{static_cast<u32>(reinterpret_cast<uptr>(arg))}); }

bool start(CpuId cpu) {
  Task& idle = idle_task(cpu);
  if (!arch::start_cpu(cpu, idle.stack_top, &idle.thread)) return false;
  // Only the absence of a CPU makes this wait long; a present one comes in microseconds.
  const Instant deadline = time::now() + 1_s;
  while (!online.test(cpu) && time::now().is_before(deadline)) arch::Cpu::relax();
  return online.test(cpu);
}

/// The new CPU's stack is made before it starts, so that it needs little memory until it is online.
bool start_one(CpuId cpu) {
  const Result<VirtAddr> stack = stack_alloc();
  if (!stack) return false;
  Task& idle = idle_task(cpu);
  idle.stack_top = *stack;
  sched::sched_init_cpu(cpu, idle);
  return start(cpu);
}

} // namespace

bool restart_cpu(CpuId cpu) {
  idle_task(cpu).thread.flags.store(0, std::memory_order_relaxed);
  return start(cpu);
}

arch::MachineInfo& machine_info_storage() { return machine; }

void init_boot_cpu() {
  constexpr CpuId kBoot{0};
  give_emergency_stacks(kBoot);
  arch::irqchip_init_cpu(kBoot);
  arch::timer_init_cpu(kBoot);
  arch::set_user_cpu_number(kBoot, machine.cpus[0].node);
  online.set(kBoot);
}

void create_stopper(CpuId cpu) {
  char name[16] = {};
  BufferSink sink(name);
  format_to(sink, "migration/{}", cpu);
  const Result<Task*> stopper =
      kthread_create(sink.view(), stopper_body, reinterpret_cast<void*>(static_cast<uptr>(cpu.value)),
                     {.cpus = CpuMask::of(cpu)});
  if (!stopper) panic("cpu {}: no memory for its stopper thread", cpu);
  sched::sched_set_stopper(cpu, **stopper);
  kthread_start(**stopper);
  sched::sched_cpu_activate(cpu);
}

u32 start_secondary_cpus() {
  arch::smp_init(machine, kernel_page_table(), low_page());
  for (u32 i = 1; i < machine.nr_cpus; ++i) {
    const CpuId cpu{i};
    if (start_one(cpu))
      create_stopper(cpu);
    else
      printk("cpu {} (hardware id {:#x}) did not start; going on without it", cpu, machine.cpus[i].hw_id);
  }
  return online.load().count();
}

} // namespace smp

void upcall::secondary_start(CpuId cpu) {
  arch::mmu_activate(kernel_page_table());
  smp::give_emergency_stacks(cpu);
  arch::irqchip_init_cpu(cpu);
  arch::timer_init_cpu(cpu);
  arch::set_user_cpu_number(cpu, machine.cpus[cpu.value].node);
  online.set(cpu); // full barrier: everything above is visible to who sees the CPU online
  smp::idle_loop();
}

} // namespace runnel
