// SPDX-License-Identifier: Apache-2.0
// System calls that change or ask what signals do to the caller.
#include "kernel/user/calls.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

#include <arch/signal_frame.hpp>
#include <sched/sched.hpp>

namespace runnel::user {
namespace {

bool is_mask_size(u64 size) { return size == sizeof(SigSet); }

/// Sleeps until a signal is pending that the mask lets through.
void sleep_until_signal() {
  while (!signal_pending()) {
    sched::set_current_state(sched::kInterruptible);
    sched::schedule(); // sees a signal that came in between (B7)
  }
}

/// EINVAL, ENOMEM as sigaltstack gives them.
Result<> set_altstack(ThreadSignals& signals, const AltStack& wanted) {
  const u32 mode = wanted.flags & ~kSsAutoDisarm;
  if (mode != 0 && mode != kSsOnStack && mode != kSsDisable) return err(Errno::kINVAL);
  if (mode == kSsDisable) {
    signals.altstack = {};
    return {};
  }
  if (wanted.size < arch::kMinSignalStack) return err(Errno::kNOMEM);
  signals.altstack = {wanted.base, wanted.flags & kSsAutoDisarm, 0, wanted.size};
  return {};
}

std::optional<arch::SignalReturn> pop(Thread& self, arch::UserRegs& regs) {
  void* const fpu = kmalloc(arch::fpu_size());
  if (fpu == nullptr) return std::nullopt;
  const auto frame = arch::pop_signal_frame(regs, fpu);
  if (frame) {
    const PreemptGuard stays;
    arch::user_state_save(self.arch); // TLS and the like are not in the frame
    std::memcpy(self.arch.fpu, fpu, arch::fpu_size());
    arch::user_state_load(self.arch, self.task->stack_top);
  }
  kfree(fpu);
  return frame;
}

} // namespace

i64 sys_rt_sigaction(i32 sig, u64 action, u64 old, u64 size) {
  if (!is_mask_size(size)) return negative(Errno::kINVAL);
  SigAction wanted;
  if (action != 0) {
    const auto read = read_user<SigAction>(action);
    if (!read) return negative(read.error());
    wanted = *read;
    wanted.mask = wanted.mask & ~kUnblockable;
  }
  if (!is_valid_signal(sig) || (action != 0 && kUnblockable.has(sig))) return negative(Errno::kINVAL);
  Process& process = current_process();
  SigAction before;
  if (action == 0) {
    before = process.sighand->action(sig);
  } else {
    before = process.sighand->set_action(sig, wanted);
    if (wanted.ignores(sig)) discard_signal(process, sig);
  }
  return old == 0 ? 0 : to_syscall(write_user(old, before));
}

i64 sys_rt_sigprocmask(i32 how, u64 set, u64 old, u64 size) {
  if (!is_mask_size(size)) return negative(Errno::kINVAL);
  const SigSet before = current_thread().signals.blocked;
  if (set != 0) {
    const auto wanted = read_user<SigSet>(set);
    if (!wanted) return negative(wanted.error());
    if (how < 0 || how > 2) return negative(Errno::kINVAL);
    set_blocked(change_mask(before, static_cast<MaskChange>(how), *wanted));
  }
  return old == 0 ? 0 : to_syscall(write_user(old, before));
}

i64 sys_rt_sigpending(u64 set, u64 size) {
  if (size > sizeof(SigSet)) return negative(Errno::kINVAL);
  Thread& self = current_thread();
  SigSet pending;
  {
    const IrqSpinGuard guard(self.process->lock);
    pending = (self.signals.pending.set() | self.process->signals.shared.set()) & self.signals.blocked;
  }
  return to_syscall(copy_to_user(set, &pending, size));
}

i64 sys_rt_sigsuspend(u64 set, u64 size) {
  if (!is_mask_size(size)) return negative(Errno::kINVAL);
  const auto mask = read_user<SigSet>(set);
  if (!mask) return negative(mask.error());
  set_temporary_mask(*mask & ~kUnblockable);
  sleep_until_signal();
  return kRestartNoHand;
}

i64 sys_pause() {
  sleep_until_signal();
  return kRestartNoHand;
}

i64 sys_rt_sigtimedwait(u64 set, u64 info, u64 timeout, u64 size) {
  if (!is_mask_size(size)) return negative(Errno::kINVAL);
  const auto wanted = read_user<SigSet>(set);
  if (!wanted) return negative(wanted.error());
  Instant until = kNever;
  if (timeout != 0) {
    const auto time = read_user<Timespec>(timeout);
    if (!time) return negative(time.error());
    if (!is_valid(*time)) return negative(Errno::kINVAL);
    until = deadline_after(*time);
  }
  const SigSet which = *wanted & ~kUnblockable;
  Thread& self = current_thread();
  Process& process = *self.process;
  const auto take = [&] {
    const IrqSpinGuard guard(process.lock);
    return dequeue_signal(process, self, which);
  };
  std::optional<SigInfo> got = take();
  if (!got && time::now().is_before(until)) {
    const SigSet blocked = self.signals.blocked;
    {
      // They end the sleep; they are still blocked as far as being ignored goes.
      const IrqSpinGuard guard(process.lock);
      self.signals.waited = blocked;
      self.signals.blocked = blocked & ~which;
      recalc_signals(process, self);
    }
    const auto slept = sleep_until_interruptible(until);
    {
      const IrqSpinGuard guard(process.lock);
      self.signals.waited = {};
      self.signals.blocked = blocked;
      got = dequeue_signal(process, self, which);
      recalc_signals(process, self);
    }
    if (!got && slept == time::SleepResult::kWoken) return negative(Errno::kINTR);
  }
  if (!got) return negative(Errno::kAGAIN);
  if (info != 0) {
    if (const auto written = write_user(info, *got); !written) return negative(written.error());
  }
  return got->signo;
}

i64 sys_sigaltstack(arch::UserRegs& regs, u64 stack, u64 old) {
  ThreadSignals& signals = current_thread().signals;
  AltStack wanted;
  if (stack != 0) {
    const auto read = read_user<AltStack>(stack);
    if (!read) return negative(read.error());
    wanted = *read;
  }
  const bool in_use = signals.altstack.is_in_use(regs.sp());
  AltStack before = signals.altstack;
  if (in_use) before.flags |= kSsOnStack;
  if (stack != 0) {
    if (in_use) return negative(Errno::kPERM);
    if (const Result<> set = set_altstack(signals, wanted); !set) return to_syscall(set);
  }
  return old == 0 ? 0 : to_syscall(write_user(old, before));
}

i64 sys_rt_sigreturn(arch::UserRegs& regs) {
  Thread& self = current_thread();
  const auto frame = pop(self, regs);
  regs.leave_syscall();
  if (!frame) {
    force_signal(SigInfo::from_kernel(kSigSegv));
    return 0;
  }
  set_blocked(SigSet{frame->mask} & ~kUnblockable);
  (void)set_altstack(self.signals, {frame->stack.base, frame->stack.flags, 0, frame->stack.size});
  return regs.syscall_result(); // what the frame had in its place
}

i64 sys_restart_syscall() {
  RestartBlock& block = current_thread().signals.restart;
  const auto resume = std::exchange(block.resume, nullptr);
  return resume == nullptr ? negative(Errno::kINTR) : resume(block);
}

} // namespace runnel::user
