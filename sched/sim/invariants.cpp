// SPDX-License-Identifier: Apache-2.0
#include "sched/sim/invariants.hpp"

#include "sched/sim/event_text.hpp"
#include "sched/sim/machine.hpp"

#include <cstdlib>
#include <sched/rq.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sim {
namespace {

std::string name_of(const sched::Task& task) {
  return std::string(task.comm[0] != 0 ? task.comm : "?") + "/" + std::to_string(task.pid);
}

bool flag(const ThreadInfo& thread, ThreadFlag which) {
  return (thread.flags.load(std::memory_order_relaxed) & which) != 0;
}

usize events_shown() {
  const char* asked = std::getenv("RUNNEL_SIM_EVENTS");
  return asked != nullptr ? std::strtoull(asked, nullptr, 10) : 40;
}

std::string lock_name(const Lock& lock) {
  std::string rank(to_string(lock.rank()));
  for (u32 i = 0; i < machine->nr_cpus(); ++i)
    if (&sched::cpu_rq(CpuId{i}).lock == &lock) return rank + " " + std::to_string(i);
  return rank;
}

std::string locks_of(const VirtualCpu& cpu) {
  std::string text;
  for (u32 i = 0; i < cpu.nr_held; ++i) text += (i == 0 ? ", holds " : " + ") + lock_name(*cpu.held[i]);
  if (cpu.waits_for != nullptr) text += ", waits for " + lock_name(*cpu.waits_for);
  return text;
}

/// C11: a delayed fair task counts, a throttled deadline task does not.
bool counted_as_running(const Task& task) {
  return task.is_queued() && (task.sched_class != &sched::dl_sched_class || !task.dl.throttled);
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

[[noreturn]] void fail_at_rest(Machine& m, const VirtualCpu& cpu, const char* invariant, const char* what) {
  m.fail(invariant, "cpu " + std::to_string(cpu.id.value) +
                        (cpu.at == At::kHalt ? " is halted" : " runs a task's code") +
                        ", no interrupt is under way, but " + what);
}

/// A CPU that is in task code or waits for an interrupt, with none under way and nobody about to send one,
/// has nothing to do for the scheduler.
void check_at_rest(Machine& m, const VirtualCpu& cpu) {
  const sched::Rq& rq = sched::cpu_rq(cpu.id);
  const bool halted = cpu.at == At::kHalt;
  if (flag(*cpu.current, kNeedResched)) fail_at_rest(m, cpu, halted ? "B8" : "C14", "need_resched is set");
  if (rq.wake_list.load(std::memory_order_relaxed) != nullptr)
    fail_at_rest(m, cpu, "B9", "its wake list is not empty");
  if (rq.ttwu_pending.load(std::memory_order_relaxed) != 0)
    fail_at_rest(m, cpu, "C07", "ttwu_pending is not 0");
  if (halted && rq.nr_running_hint.load(std::memory_order_relaxed) != 0)
    fail_at_rest(m, cpu, "C09", "its runqueue is not empty");
}

} // namespace

void check_step(Machine& m, VirtualCpu& cpu) {
  check_clocks(m, cpu);
  // While others are in the middle of something, one of them may be about to send the interrupt.
  if (m.in_scheduler() != 0 || cpu.ipi_at != kNoTime) return;
  if (cpu.at != At::kScheduler) check_at_rest(m, cpu);
}

void check_runqueues(Machine& m) {
  std::vector<u32>& counts = m.scratch();
  counts.assign(m.nr_cpus(), 0);
  for (const Task* task : m.tasks())
    if (counted_as_running(*task)) ++counts[task->cpu.load(std::memory_order_relaxed)];
  for (u32 i = 0; i < m.nr_cpus(); ++i) {
    const sched::Rq& rq = sched::cpu_rq(CpuId{i});
    const VirtualCpu& cpu = m.cpu(i);
    if (rq.lock.is_locked()) continue;
    if (const u32 n = rq.nr_running_hint.load(std::memory_order_relaxed); n != counts[i])
      m.fail("C11", "cpu " + std::to_string(i) + ": nr_running " + std::to_string(n) + ", but " +
                        std::to_string(counts[i]) + " tasks are queued there");
    // Spec 6: who is charged and who executes are both of this CPU.
    if (rq.donor->task_cpu().value != i || rq.curr->task_cpu().value != i)
      m.fail("C03", "cpu " + std::to_string(i) + ": its donor or who executes there is not of this CPU");
    if (cpu.at != At::kScheduler && rq.balance_callbacks != nullptr)
      m.fail("C32", "cpu " + std::to_string(i) + ": a balance callback was left behind");
    if (m.in_scheduler() != 0 || cpu.ipi_at != kNoTime) continue;
    if (cpu.at != At::kScheduler) check_at_rest(m, cpu);
  }
  check_deadline_class(m);
}

void check_switch_in(Machine& m, const VirtualCpu& cpu, const Task& next) {
  if (next.owner != kNoCpu)
    m.fail("C03", name_of(next) + " is switched to while cpu " + std::to_string(next.owner) + " has it");
  if (next.fiber.context == nullptr)
    m.fail("C03", name_of(next) + " is switched to, but its registers are not saved");
  // A wake-up that was on its way may still find the stopper of a CPU that has left, for the last time.
  const bool may_run = cpu.parked ? false : m.online().test(cpu.id) || &next == sched::cpu_rq(cpu.id).stop;
  if (!may_run && &next != &m.idle(cpu.id.value))
    m.fail("C22",
           name_of(next) + " is switched to on cpu " + std::to_string(cpu.id.value) + ", which is down");
  if (!fiber_stack_intact(next.fiber)) m.fail("C04", name_of(next) + " has overrun its stack");
  if (!next.settled_mask.test(cpu.id))
    m.fail("C16",
           name_of(next) + " is switched to on cpu " + std::to_string(cpu.id.value) + ", outside its mask");
}

void check_task_code(Machine& m) {
  const VirtualCpu& cpu = *executing;
  if (reinterpret_cast<const sched::Task*>(cpu.current)->pi.blocked_on.load(std::memory_order_relaxed) !=
      nullptr)
    m.fail("P04", "task code goes on with a mutex it waits for");
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
                     std::to_string(m.counters().steps) + ", time " + std::to_string(now_ns - kStartTime) +
                     " ns, on cpu " + (executing != nullptr ? std::to_string(executing->id.value) : "-");
  for (u32 i = 0; i < m.nr_cpus() && i < 16; ++i) {
    const VirtualCpu& cpu = m.cpu(i);
    const sched::Rq& rq = sched::cpu_rq(cpu.id);
    const auto& curr = *reinterpret_cast<const sched::Task*>(cpu.current);
    text += "\n  cpu " + std::to_string(i) + ": runs " + name_of(curr) +
            (cpu.at == At::kHalt   ? ", halted"
             : cpu.at == At::kTask ? ", in its own code"
                                   : "") +
            (cpu.irqs_on ? "" : ", interrupts off") + ", preempt_count " +
            std::to_string(curr.thread.preempt_count) +
            (flag(curr.thread, kNeedResched) ? ", need_resched" : "") + locks_of(cpu) + ", runnable " +
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
  const std::vector<trace::Event>& events = m.trace();
  const usize shown = events_shown();
  const usize first = events.size() > shown ? events.size() - shown : 0;
  for (usize i = first; i < events.size(); ++i)
    text += (i == first ? "\n  last events:\n    " : "\n    ") + to_string(events[i]);
  return text;
}

} // namespace runnel::sim
