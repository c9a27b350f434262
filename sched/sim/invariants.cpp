// SPDX-License-Identifier: Apache-2.0
#include "sched/sim/invariants.hpp"

#include "sched/sim/machine.hpp"

#include <sched/rq.hpp>

namespace runnel::sim {
namespace {

std::string name_of(const sched::Task& task) {
  return std::string(task.comm[0] != 0 ? task.comm : "?") + "/" + std::to_string(task.pid);
}

bool flag(const ThreadInfo& thread, ThreadFlag which) {
  return (thread.flags.load(std::memory_order_relaxed) & which) != 0;
}

/// C13. The clocks of the CPU that ran.
void check_clocks(Machine& m, VirtualCpu& cpu) {
  const sched::Rq& rq = sched::cpu_rq(cpu.id);
  if (rq.clock.ns < cpu.clock_seen) m.fail("C13", "the rq clock went back");
  if (rq.clock_task.ns < cpu.clock_task_seen) m.fail("C13", "the rq task clock went back");
  if (rq.clock.ns > now_ns) m.fail("C13", "the rq clock is ahead of the machine's");
  if (rq.clock_task.ns > rq.clock.ns) m.fail("C13", "the rq task clock is ahead of the rq clock");
  cpu.clock_seen = rq.clock.ns;
  cpu.clock_task_seen = rq.clock_task.ns;
}

/// A CPU that waits without end must have nothing to do, unless somebody is about to tell it.
void check_halt(Machine& m, const VirtualCpu& cpu) {
  if (cpu.ipi_at != kNoTime) return;
  const sched::Rq& rq = sched::cpu_rq(cpu.id);
  if (flag(*cpu.current, kNeedResched))
    m.fail("B8", "halted with need_resched set and no interrupt under way");
  if (rq.wake_list.load(std::memory_order_relaxed) != nullptr)
    m.fail("B9", "halted with a wake-up on its list and no interrupt under way");
}

} // namespace

void check_step(Machine& m, VirtualCpu& cpu) {
  check_clocks(m, cpu);
  if (cpu.halted) check_halt(m, cpu);
}

void check_switch_in(Machine& m, const VirtualCpu& cpu, const Task& next) {
  if (next.owner != kNoCpu)
    m.fail("C03", name_of(next) + " is switched to while cpu " + std::to_string(next.owner) + " has it");
  if (next.fiber.context == nullptr)
    m.fail("C03", name_of(next) + " is switched to, but its registers are not saved");
  if (!fiber_stack_intact(next.fiber)) m.fail("C04", name_of(next) + " has overrun its stack");
  if (!next.cpus_ptr->test(cpu.id) && next.affinity_request == nullptr)
    m.fail("affinity",
           name_of(next) + " is switched to on cpu " + std::to_string(cpu.id.value) + ", outside its mask");
}

void check_task_code(Machine& m) {
  const VirtualCpu& cpu = *executing;
  if (cpu.current->preempt_count != 0)
    m.fail("C12", "preempt_count " + std::to_string(cpu.current->preempt_count));
  if (!cpu.irqs_on) m.fail("C12", "interrupts are off in task code");
  if (cpu.nr_held != 0) m.fail("C12", "a spinlock is held in task code");
  if (flag(*cpu.current, kNeedResched) && cpu.ipi_at == kNoTime)
    m.fail("C14", "task code goes on with need_resched set and no interrupt under way");
}

void all_asleep(Machine& m) {
  for (const Task* task : m.tasks())
    if (task->waits_for != nullptr && (*task->waits_for)())
      m.fail("C01", name_of(*task) + " sleeps though what it waits for is true: a lost wake-up");
  m.fail("deadlock", "every CPU is idle, nothing is under way, and init is not done");
}

std::string describe_failure(Machine& m, const std::string& invariant, const std::string& message) {
  std::string text = invariant + ": " + message + "\n  seed " + std::to_string(m.config().seed) +
                     ", machine " + to_string(m.config().shape) + ", step " +
                     std::to_string(m.counters().steps) + ", time " + std::to_string(now_ns - 1'000'000'000) +
                     " ns, on cpu " + (executing != nullptr ? std::to_string(executing->id.value) : "-");
  for (u32 i = 0; i < m.nr_cpus() && i < 16; ++i) {
    const VirtualCpu& cpu = m.cpu(i);
    const sched::Rq& rq = sched::cpu_rq(cpu.id);
    const auto& curr = *reinterpret_cast<const sched::Task*>(cpu.current);
    text += "\n  cpu " + std::to_string(i) + ": runs " + name_of(curr) + (cpu.halted ? ", halted" : "") +
            (cpu.irqs_on ? "" : ", interrupts off") + ", preempt_count " +
            std::to_string(curr.thread.preempt_count) +
            (flag(curr.thread, kNeedResched) ? ", need_resched" : "") + ", locks held " +
            std::to_string(cpu.nr_held) + ", runnable " +
            std::to_string(rq.nr_running_hint.load(std::memory_order_relaxed)) +
            (cpu.ipi_at != kNoTime ? ", IPI under way" : "") +
            (rq.wake_list.load(std::memory_order_relaxed) != nullptr ? ", wake list" : "");
  }
  u32 listed = 0;
  for (const Task* task : m.tasks()) {
    if (task->waits_for == nullptr || ++listed > 16) continue;
    text += "\n  " + name_of(*task) + " waits, state " +
            std::to_string(task->state.load(std::memory_order_relaxed));
  }
  return text;
}

} // namespace runnel::sim
