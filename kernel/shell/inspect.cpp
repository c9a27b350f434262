// SPDX-License-Identifier: Apache-2.0
// Shell commands that show threads, CPUs and the log.
#include "kernel/debug/nmi.hpp"
#include "kernel/debug/report.hpp"
#include "kernel/log/log.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/shell/commands.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/task/task.hpp"

#include <arch/irqchip.hpp>
#include <sched/rq.hpp>

namespace runnel::shell {
namespace {

std::string_view state_name(const Task& task) {
  if (task.on_cpu.load(std::memory_order_relaxed) != 0) return "running";
  switch (task.state.load(std::memory_order_relaxed)) {
  case sched::kRunning:
    return "ready";
  case sched::kNew:
    return "new";
  case sched::kDead:
    return "dead";
  case sched::kParked:
    return "parked";
  case sched::kWaking:
    return "waking";
  default:
    return "sleeping";
  }
}

/// The name of what `cpu` ran a moment ago; a copy, since that thread may end at any time.
struct Name {
  char text[16] = {};
};
Name running_on(CpuId cpu) {
  sched::Rq& rq = sched::cpu_rq(cpu);
  const IrqSpinGuard guard(rq.lock);
  if (rq.curr == nullptr || rq.curr == rq.idle) return {"idle"};
  Name name;
  for (usize i = 0; i + 1 < sizeof name.text; ++i) name.text[i] = rq.curr->comm[i];
  return name;
}

} // namespace

void show_threads() {
  raw_print("   pid state    cpu     run us  blocked preempted  wakeups name");
  for_each_task([](Task& task) {
    const sched::TaskStats& stats = task.stats;
    raw_print("  {:4} {:8} {:3} {:10} {:8} {:9} {:8} {}", task.pid, state_name(task), task.task_cpu(),
              stats.sum_exec_runtime.ns / 1000, stats.nvcsw, stats.nivcsw, stats.nr_wakeups,
              static_cast<const char*>(task.comm));
  });
}

void show_cpus() {
  const arch::MachineInfo& machine = machine_info();
  raw_print("  cpu state   node package core thread   timer      ipi   device      nmi running");
  for (u32 i = 0; i < nr_cpus(); ++i) {
    const CpuId cpu{i};
    const arch::CpuDescription& where = machine.cpus[i];
    const bool online = online_cpus().test(cpu);
    const Name running = online ? running_on(cpu) : Name{};
    const arch::IrqCounts irqs = arch::irq_counts(cpu);
    raw_print("  {:3} {:7} {:4} {:7} {:4} {:6} {:7} {:8} {:8} {:8} {}", i, online ? "online" : "offline",
              where.node, where.package, where.core, where.thread, irqs.timer, irqs.ipi, irqs.device,
              irqs.nmi, static_cast<const char*>(running.text));
  }
}

void show_log() {
  constexpr usize kSize = 16 * 1024;
  char* buffer = static_cast<char*>(kmalloc(kSize));
  if (buffer == nullptr) return raw_print("no memory for a copy of the log");
  log::raw_write(log::recent({buffer, kSize}));
  kfree(buffer);
}

void show_backtraces() {
  for (const CpuId cpu : online_cpus()) {
    const PreemptGuard stay;
    if (cpu == arch::Cpu::this_cpu()) {
      debug::print_cpu(cpu, arch::Cpu::current(), arch::capture_registers(), "");
    } else if (const debug::CpuReport* report = debug::sample_cpu(cpu)) {
      debug::print_cpu(cpu, report->thread, report->regs, "");
    } else {
      raw_print("  cpu {}: does not answer an NMI", cpu);
    }
  }
}

} // namespace runnel::shell
