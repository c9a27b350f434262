// SPDX-License-Identifier: Apache-2.0
// The one way in and out of every interrupt. On the way out the interrupted thread may lose the CPU.
#include "kernel/debug/watchdog.hpp"
#include "kernel/irq/context.hpp"
#include "kernel/irq/device.hpp"
#include "kernel/irq/irq_time.hpp"
#include "kernel/irq/irq_work.hpp"
#include "kernel/smp/call.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/percpu.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/timer.hpp"
#include "kernel/trace/trace.hpp"

#include <arch/power.hpp>
#include <arch/upcalls.hpp>
#include <sched/sched.hpp>

namespace runnel::irq {
namespace {

constinit PerCpu<bool> from_user;

} // namespace

bool interrupted_user() { return from_user.local(); }

} // namespace runnel::irq

namespace runnel::upcall {
namespace {

void handle_ipi(arch::Ipi ipi) {
  switch (ipi) {
  case arch::Ipi::kReschedule:
    return sched::reschedule_interrupt();
  case arch::Ipi::kCallFunction:
    return smp::call_function_interrupt();
  case arch::Ipi::kIrqWork:
    return irq::irq_work_run();
  case arch::Ipi::kStop:
    arch::halt();
  }
}

/// Spec 1.9 N6: nobody has forbidden preemption, and interrupts were on in the code that was interrupted. On
/// the way to user mode it is upcall::exit_to_user that decides.
bool may_preempt(const ThreadInfo& thread, const arch::Registers& regs) {
  return !regs.from_user() && thread.preempt_count == 0 &&
         (thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0 && regs.irqs_were_enabled();
}

void handle(Interrupt kind, u32 number) {
  const irq::IrqTimeScope accounted;
  watchdog_touch();
  if (trace::enabled()) trace::record(trace::EventType::kIrqEntry, 0, static_cast<u64>(kind), number);
  switch (kind) {
  case Interrupt::kTimer:
    time::timer_interrupt();
    break;
  case Interrupt::kIpi:
    handle_ipi(static_cast<arch::Ipi>(number));
    break;
  case Interrupt::kDevice:
    irq::handle_device_interrupt(number);
    break;
  }
  if (trace::enabled()) trace::record(trace::EventType::kIrqExit, 0, static_cast<u64>(kind), number);
}

/// A program may spin without a pause. Where an emulator lets the CPUs take turns, who spins until the next
/// timer has the turn after it as well, and the CPU it waits for never has one for more than its own tick. So
/// all let go of theirs after each tick, but one, each in its time.
void share_turns() {
  const u64 tick = static_cast<u64>(time::now().ns) / static_cast<u64>(sched::port::kTick.ns);
  if (tick % nr_cpus() != arch::Cpu::this_cpu().value) arch::Cpu::relax();
}

} // namespace

void interrupt(Interrupt kind, u32 number, arch::Registers& regs) {
  ThreadInfo* self = arch::Cpu::current();
  irq::from_user.local() = regs.from_user();
  self->preempt_count += kHardirqOne;
  handle(kind, number); // interrupts stay off: they do not nest
  self->preempt_count -= kHardirqOne;
  if (kind == Interrupt::kTimer && regs.from_user()) share_turns();
  if (may_preempt(*self, regs)) sched::preempt_schedule_irq();
}

} // namespace runnel::upcall
