// SPDX-License-Identifier: Apache-2.0
#include "kernel/smp/idle.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/mm/vmap.hpp"
#include "kernel/smp/hotplug.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/task/task.hpp"

#include <sched/sched.hpp>

namespace runnel::smp {
namespace {

bool need_resched(const ThreadInfo& self) {
  return (self.flags.load(std::memory_order_relaxed) & kNeedResched) != 0;
}

constinit std::atomic<IdleMode> idle_mode{IdleMode::kHalt};

/// Interrupts are on and taken; kPolling stays set, so that need_resched comes without one.
void poll_once() {
  {
    const IrqGuard irqs_off;
    park_if_asked();
  }
  arch::Cpu::relax();
}

void halt_until_interrupt(ThreadInfo& self) {
  const IrqGuard irqs_off;
  park_if_asked();
  self.flags.fetch_and(~kPolling, std::memory_order_relaxed);
  // B8: from here on a remote CPU sends an IPI; whoever saw kPolling before this barrier has set kNeedResched
  // where the test below sees it. Pairs with the read-modify-write in resched_curr.
  arch::Cpu::full_barrier();
  if (!need_resched(self)) arch::Cpu::wait_for_interrupt();
  self.flags.fetch_or(kPolling, std::memory_order_relaxed);
}

} // namespace

void idle_loop() {
  ThreadInfo& self = *arch::Cpu::current();
  arch::Cpu::irq_enable();
  for (;;) {
    self.flags.fetch_or(kPolling, std::memory_order_relaxed);
    while (!need_resched(self)) {
      if (idle_mode.load(std::memory_order_relaxed) == IdleMode::kPoll)
        poll_once();
      else
        halt_until_interrupt(self);
    }
    self.flags.fetch_and(~kPolling, std::memory_order_relaxed);
    arch::Cpu::full_barrier(); // B8, as above
    {
      const IrqGuard irqs_off;
      sched::reschedule_interrupt(); // wake-ups that came while polling
    }
    sched::schedule_idle();
  }
}

void set_idle_mode(IdleMode mode) { idle_mode.store(mode, std::memory_order_relaxed); }

void enter_idle(Task& boot) {
  Task& idle = idle_task(arch::Cpu::this_cpu());
  const Result<VirtAddr> stack = stack_alloc();
  if (!stack) panic("no memory for the idle thread's stack");
  idle.stack_top = *stack;
  arch::context_init(idle.context, idle.stack_top);
  runnel_context_switch(&boot.context, &idle.context, &boot.thread, &idle.thread);
  panic("the boot context was resumed");
}

} // namespace runnel::smp
