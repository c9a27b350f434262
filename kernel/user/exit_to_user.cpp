// SPDX-License-Identifier: Apache-2.0
// The last thing the kernel does before user mode, on every way there.
#include "kernel/user/cpu_limits.hpp"
#include "kernel/user/cpu_time/check.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/rseq/slice.hpp"
#include "kernel/user/rseq/test_points.hpp"
#include "kernel/user/signal/signal.hpp"

#include <arch/cpu.hpp>
#include <arch/upcalls.hpp>
#include <sched/sched.hpp>

namespace runnel::user {
namespace {

constexpr u32 kReschedBits =
    kNeedResched | kNeedReschedLazy; // N4: user mode is where lazy requests are honoured

void do_work(Thread& self, u32 work, arch::UserRegs& regs) {
  if ((work & kWorkExit) != 0) exit_thread(self.process->exit_status);
  self.work.fetch_and(~(kWorkSignal | kWorkRseq | kWorkCpuLimits | kWorkCpuTimers),
                      std::memory_order_acquire);
  if ((work & kWorkCpuLimits) != 0) check_cpu_limits(self);
  if ((work & kWorkCpuTimers) != 0) check_cpu_timers(self);
  if ((work & kWorkSignal) != 0) deliver_signals(regs);
  if ((work & kWorkRseq) != 0) rseq::leave_slow(self, regs);
}

/// The usual way out: there is nothing to do.
bool may_leave(const Thread& self, const arch::UserRegs& regs) {
  return (self.task->thread.flags.load(std::memory_order_relaxed) & kReschedBits) == 0 &&
         self.work.load(std::memory_order_relaxed) == 0 && self.task->rseq_event.switched == 0 &&
         regs.pc() < arch::kUserEnd;
}

/// Until there is nothing left to do. Interrupts are off, in between on.
[[gnu::noinline]] void prepare_to_leave(Thread& self, arch::UserRegs& regs) {
  bool put_off = false;
  for (;;) {
    const u32 flags = self.task->thread.flags.load(std::memory_order_relaxed);
    const u32 work = self.work.load(std::memory_order_relaxed);
    if ((flags & kReschedBits) != 0) {
      put_off = rseq::may_put_off(self) && rseq::put_off_reschedule(self, work);
      if (!put_off) sched::preempt_schedule_irq(); // interrupts are off; it returns with them off
    } else if (work != 0) {
      arch::Cpu::irq_enable();
      do_work(self, work, regs);
      arch::Cpu::irq_disable();
    } else if (regs.pc() >= arch::kUserEnd) {
      // It cannot be executed, and where it is not even an address, the CPU would fault on the way out.
      arch::Cpu::irq_enable();
      upcall::user_fault({.kind = arch::FaultKind::kPage,
                          .access = arch::Access::kExecute,
                          .address = regs.pc(),
                          .name = "jump out of user space"},
                         regs);
      arch::Cpu::irq_disable();
    } else if (self.task->rseq_event.switched != 0 && !rseq::leave_fast(self, regs)) {
      continue; // the slow path
    } else if (put_off && self.rseq.slice.granted && !rseq::start_slice(self)) {
      continue;
    } else {
      break;
    }
  }
}

} // namespace
} // namespace runnel::user

namespace runnel::upcall {

void user_entry() { current_task().rseq_event.user_entry = 1; }

void exit_to_user(arch::UserRegs& regs) {
  using namespace user;
  Thread& self = current_thread();
  if (!may_leave(self, regs)) prepare_to_leave(self, regs);
  // Nothing can come between the last look and user mode: interrupts are off.
  rseq::check_leaving(self);
  self.task->rseq_event.clear();
  ++rseq::statistics.local().exit;
}

} // namespace runnel::upcall
