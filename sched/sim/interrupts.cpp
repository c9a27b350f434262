// SPDX-License-Identifier: Apache-2.0
// Interrupts of the virtual CPUs: the reschedule IPI and timers, the tick among them. They run on top of the
// fiber that was interrupted, as on hardware; the way out is that of kernel/irq/entry.cpp.
#include "sched/sim/machine.hpp"

#include <sched/rq.hpp>

namespace runnel::sim {
namespace {

/// The fault kLoseWakeListEntry.
void lose_newest_wakeup(const VirtualCpu& cpu) {
  sched::Rq& rq = sched::cpu_rq(cpu.id);
  if (sched::Task* newest = rq.wake_list.load(std::memory_order_relaxed))
    rq.wake_list.store(newest->wake_entry);
}

void take_ipi(VirtualCpu& cpu) {
  cpu.ipi_at = kNoTime;
  machine->interrupts_changed(cpu);
  ++machine->counters().ipis_taken;
  if (machine->config().mutation == Mutation::kLoseWakeListEntry && machine->chance().one_in(8))
    lose_newest_wakeup(cpu);
  sched::reschedule_interrupt();
}

/// Runs the timers that are due, like kernel/time/timer.cpp.
void take_timers(VirtualCpu& cpu) {
  for (Timer* timer = cpu.timers.top(); timer != nullptr; timer = cpu.timers.top()) {
    if (timer->expires.ns > now_ns) break;
    cpu.timers.erase(*timer);
    timer->state =
        Timer::State::kIdle; // now: its function may start it again, or drop the last reference to it
    const bool drop = machine->config().mutation == Mutation::kDropTimer && machine->chance().one_in(256);
    if (!drop) timer->function(*timer);
  }
  machine->interrupts_changed(cpu);
}

void interrupt(VirtualCpu& cpu) {
  Machine& m = *machine;
  ThreadInfo& thread = *cpu.current;
  thread.preempt_count += kHardirqOne;
  ++m.counters().interrupts;
  if (m.config().irq_cost.ns != 0) {
    m.suspend(now_ns + static_cast<u64>(m.config().irq_cost.ns));
    cpu.irq_time += m.config().irq_cost;
  }
  const bool ipi = cpu.ipi_at <= now_ns;
  const bool timer = cpu.timers.top() != nullptr && cpu.timers.top()->expires.ns <= now_ns;
  if (ipi && (!timer || m.chance().one_in(2)))
    take_ipi(cpu);
  else if (timer)
    take_timers(cpu);
  thread.preempt_count -= kHardirqOne;
  if (m.config().mutation == Mutation::kLatePreemption && m.chance().one_in(64)) return;
  if (thread.preempt_count == 0 && (thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0)
    sched::preempt_schedule_irq();
}

} // namespace

void take_interrupts() {
  while (executing->irqs_on && executing->next_irq <= now_ns) {
    executing->irqs_on = false;
    interrupt(*executing);
    executing->irqs_on = true; // what was interrupted had them on; it may be on another CPU by now
  }
}

void point_reached() {
  Machine& m = *machine;
  points_left = m.chance().between(1, 2 * u64{m.config().point_gap});
  ++m.counters().delays;
  // Mostly about the length of other CPUs' critical sections; now and then long enough for anything to
  // happen.
  const u64 longest = m.chance().one_in(50) ? 50'000 : 3'000;
  m.suspend(now_ns + m.chance().log_between(1, longest));
  if (executing->irqs_on) take_interrupts();
}

} // namespace runnel::sim
