// SPDX-License-Identifier: Apache-2.0
// The scheduler's port on real hardware.
#include "kernel/irq/irq_time.hpp"
#include "kernel/log/log.hpp"
#include "kernel/sched_port/handover.hpp"
#include "kernel/sched_port/seed.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/idle.hpp"
#include "kernel/sync/rcu.hpp"
#include "kernel/task/task.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/tick.hpp"
#include "kernel/trace/trace.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/thread.hpp"

#include <arch/context.hpp>
#include <arch/irqchip.hpp>
#include <sched/sched.hpp>

constinit runnel::u64 runnel::scheduler_seed = 1;

namespace runnel::sched::port {

Instant clock() { return time::now(); }
void send_reschedule(CpuId cpu) { arch::send_ipi(cpu, arch::Ipi::kReschedule); }
void tick_start() { time::tick_start(); }
void tick_stop() { time::tick_stop(); }
Duration irq_time(CpuId cpu) { return irq::irq_time(cpu); }

void timer_start(Timer& timer, Instant expires) { time::timer_start(timer, expires); }
bool timer_cancel(Timer& timer) { return time::timer_cancel(timer); }
bool timer_is_queued(const Timer& timer) {
  return timer.state.load(std::memory_order_relaxed) == Timer::State::kQueued;
}

CpuMask possible_cpus() { return CpuMask::first(nr_cpus()); }
CpuMask online_cpus() { return runnel::online_cpus(); }
CpuMask active_cpus() { return runnel::active_cpus(); }
void set_cpu_active(CpuId cpu) { runnel::set_cpu_active(cpu); }
void set_cpu_inactive(CpuId cpu) { runnel::set_cpu_inactive(cpu); }

Task* context_switch(Task& prev, Task& next) {
  auto& from = static_cast<runnel::Task&>(prev);
  auto& to = static_cast<runnel::Task&>(next);
  user::switch_mm(to.mm);
  take_stack(to);
  user::switch_user_state(from, to);
  auto* last =
      reinterpret_cast<Task*>(runnel_context_switch(&from.context, &to.context, &prev.thread, &next.thread));
  release_stack(static_cast<runnel::Task&>(*last));
  return last;
}

void get_task(Task& task) { runnel::get_task(static_cast<runnel::Task&>(task)); }
void put_task(Task& task) { runnel::put_task(static_cast<runnel::Task&>(task)); }
void task_dead(Task& task) { runnel::put_task(static_cast<runnel::Task&>(task)); }
void note_context_switch() { sync::rcu_note_context_switch(); }
void synchronize() { sync::synchronize_rcu(); }

u64 random_seed() { return scheduler_seed; }

void notice(const Task& task, const char* what) {
  printk("sched: {}/{}: {}", std::string_view(task.comm), task.pid, what);
}

bool trace_enabled() { return trace::enabled(); }
void trace(trace::EventType type, u32 pid, u64 a, u64 b) { trace::record(type, pid, a, b); }

} // namespace runnel::sched::port

namespace runnel::sync {

void preempt_schedule() {
  const IrqGuard irqs_off;
  sched::preempt_schedule_irq();
}

} // namespace runnel::sync

extern "C" void runnel_thread_start(runnel::ThreadInfo* prev) {
  using namespace runnel;
  if (current_task().pid == 0) smp::idle_loop(); // the boot CPU's idle thread: nothing was switched away from
  auto& last = *reinterpret_cast<sched::Task*>(prev);
  sched::port::release_stack(static_cast<Task&>(last));
  sched::schedule_tail(last);
  run_task_body();
}
