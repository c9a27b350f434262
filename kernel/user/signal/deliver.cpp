// SPDX-License-Identifier: Apache-2.0
// On the way to user mode: which signal comes next, and what it does (spec linux_abi 5.4).
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/rseq/rseq.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/strace/strace.hpp"
#include "kernel/user/syscall.hpp"

#include <arch/signal_frame.hpp>
#include <utility>

namespace runnel::user {
namespace {

struct Delivery {
  SigInfo info;
  SigAction action;
};

enum class Next : u8 { kNothing, kStop, kExit, kDeliver };

/// Takes signals off until one has something to do.
Next next_delivery(Thread& self, Delivery& delivery) {
  Process& process = *self.process;
  const IrqSpinGuard guard(process.lock);
  for (;;) {
    if (process.exiting) return Next::kExit;
    if (process.signals.stop_signal != 0) return Next::kStop;
    const auto info = dequeue_signal(process, self, ~self.signals.blocked);
    if (!info) return Next::kNothing;
    const i32 sig = info->signo;
    delivery = {*info, sig == kSigKill ? SigAction{} : process.sighand->take_action(sig)};
    if (delivery.action.ignores(sig)) continue;
    if (!delivery.action.is_default() || default_action(sig) == DefaultAction::kTerminate)
      return Next::kDeliver;
    if (default_action(sig) == DefaultAction::kStop)
      begin_stop(process, sig); // SIGCONT went on when it was sent
  }
}

/// The interrupted system call of a thread whose handler runs next: an EINTR, or anew after the handler.
void prepare_restart_behind_handler(arch::UserRegs& regs, const SigAction& action) {
  if (!regs.in_syscall()) return;
  switch (regs.syscall_result()) {
  case kRestartNoIntr:
    return regs.rewind_syscall(regs.syscall_number());
  case kRestartSys:
    if ((action.flags & kSaRestart) != 0) return regs.rewind_syscall(regs.syscall_number());
    [[fallthrough]];
  case kRestartNoHand:
  case kRestartRestartBlock:
    regs.set_syscall_result(negative(Errno::kINTR));
    break;
  default:
    break;
  }
  regs.leave_syscall();
}

void restart_without_handler(arch::UserRegs& regs) {
  if (!regs.in_syscall()) return;
  switch (regs.syscall_result()) {
  case kRestartNoIntr:
  case kRestartSys:
  case kRestartNoHand:
    return regs.rewind_syscall(regs.syscall_number());
  case kRestartRestartBlock:
    return regs.rewind_syscall(arch::kRestartSyscall);
  default:
    break;
  }
}

/// Where the frame goes: the alternative stack when the handler wants it and is not on it already. False: it
/// would run over the end of the alternative stack it is on.
bool frame_top(const Thread& self, const arch::UserRegs& regs, const SigAction& action, u64& top) {
  const AltStack& alt = self.signals.altstack;
  const u64 sp = regs.sp();
  if ((action.flags & kSaOnStack) != 0 && alt.is_enabled() && !alt.is_in_use(sp)) {
    top = alt.base + alt.size;
    return true;
  }
  top = sp - arch::kRedZone;
  return !alt.is_in_use(sp) || (top >= alt.base + arch::signal_frame_size());
}

/// The live FPU state goes into the frame, a fresh one into the handler.
bool push(Thread& self, arch::UserRegs& regs, const arch::SignalFrame& frame) {
  {
    const PreemptGuard stays;
    arch::user_state_save(self.arch); // a switch while the frame is written saves the same once more
  }
  if (!arch::push_signal_frame(regs, self.arch.fpu, frame)) return false;
  const PreemptGuard stays;
  arch::fpu_init(self.arch.fpu);
  arch::user_state_load(self.arch, self.task->stack_top);
  return true;
}

/// SIGSEGV tells that no frame of `sig` can be built; if that is the one, the process ends.
void refuse_frame(const Thread& self, i32 sig) {
  if (sig == kSigSegv) self.process->sighand->set_action(kSigSegv, {});
  force_signal(SigInfo::from_kernel(kSigSegv));
}

void run_handler(Thread& self, arch::UserRegs& regs, const Delivery& delivery) {
  const SigAction& action = delivery.action;
  const i32 sig = delivery.info.signo;
  prepare_restart_behind_handler(regs, action);
  if (!rseq::before_signal(self, regs)) return refuse_frame(self, sig);
  ThreadSignals& signals = self.signals;
  arch::SignalFrame frame{
      .signo = sig,
      .handler = action.handler,
      .restorer = (action.flags & kSaRestorer) != 0 ? action.restorer : self.process->mm->addresses.sigreturn,
      .info = std::as_bytes(std::span(&delivery.info, 1)),
      .mask = (signals.restore_mask ? signals.saved_mask : signals.blocked).bits,
      .stack = {signals.altstack.base, signals.altstack.flags, signals.altstack.size},
      .from_fault = kSynchronous.has(sig) && delivery.info.code > kSiUser};
  if (frame.from_fault) {
    frame.fault_address = delivery.info.fault.address;
    frame.fault_code = std::exchange(signals.fault_code, 0); // a fault of the kernel's own making has none
  }
  signals.restore_mask = false;
  const bool fits = frame_top(self, regs, action, frame.top);
  if (!fits || !push(self, regs, frame)) return refuse_frame(self, sig);
  if ((signals.altstack.flags & kSsAutoDisarm) != 0 && action.flags & kSaOnStack) signals.altstack = {};
  SigSet mask = signals.blocked | action.mask;
  if ((action.flags & kSaNoDefer) == 0) mask.add(sig);
  set_blocked(mask);
}

} // namespace

void deliver_signals(arch::UserRegs& regs) {
  Thread& self = current_thread();
  Delivery delivery;
  bool handled = false;
  for (;;) {
    switch (next_delivery(self, delivery)) {
    case Next::kExit:
      exit_process(0); // with the status of who began it
    case Next::kStop:
      take_part_in_stop(self);
      continue;
    case Next::kDeliver:
      if (strace_is_on()) trace_signal(delivery.info.signo);
      if (!delivery.action.is_handler()) exit_process(status_killed(delivery.info.signo));
      run_handler(self, regs, delivery);
      handled = true;
      continue; // others that are pending pile their frames on top
    case Next::kNothing:
      break;
    }
    break;
  }
  if (handled) return;
  restart_without_handler(regs);
  restore_mask();
}

} // namespace runnel::user
