// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/cpu_time/cpu_timer.hpp"

#include "kernel/user/cpu_time/clock.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/tree.hpp"

namespace runnel::user {
namespace {

u64 saturating_add(u64 a, u64 b) {
  u64 sum;
  return __builtin_add_overflow(a, b, &sum) ? kNoExpiry - 1 : sum;
}

bool was_reaped(const Process& process) {
  const SpinGuard guard(tree_lock);
  return process.state == ProcessState::kReaped;
}

} // namespace

Result<> CpuTimer::attach(const CpuClockId& id) {
  ProcessRef target = process_of_clock(id, ClockUse::kTimer);
  if (!target) return err(Errno::kINVAL);
  ProcessCpu& cpu = target->cpu;
  const IrqSpinGuard guard(cpu.lock_);
  which_ = id.which;
  scope_ = id.scope;
  if (scope_ == CpuScope::kThread) {
    thread_ = cpu.find(id.id != 0 ? id.id : current_thread().tid());
    if (thread_ == nullptr) return err(Errno::kINVAL);
  }
  target_ = target.release();
  (thread_ != nullptr ? thread_->timers : cpu.timers_).all.push_back(*this);
  return {};
}

void CpuTimer::detach() {
  if (target_ == nullptr) return;
  stop();
  {
    const IrqSpinGuard guard(target_->cpu.lock_);
    if (in_clock.is_linked()) List<CpuTimer, &CpuTimer::in_clock>::erase(*this);
  }
  put_process(*std::exchange(target_, nullptr));
}

u64 CpuTimer::now_locked() NO_THREAD_SAFETY_ANALYSIS {
  if (scope_ == CpuScope::kProcess) return target_->cpu.sample_locked().of(which_);
  return thread_ == nullptr ? 0 : ProcessCpu::sample_of(*thread_).of(which_);
}

void CpuTimer::arm_locked() NO_THREAD_SAFETY_ANALYSIS {
  ProcessCpu& cpu = target_->cpu;
  if (scope_ == CpuScope::kThread && thread_ == nullptr) return;
  if (!armed_) ++cpu.nr_armed_;
  armed_ = true;
  cpu.refresh(thread_ != nullptr ? thread_->timers : cpu.timers_);
}

void CpuTimer::disarm_locked() NO_THREAD_SAFETY_ANALYSIS {
  if (armed_) --target_->cpu.nr_armed_;
  armed_ = false;
}

void CpuTimer::expire_locked() {
  firing_ = true;
  waits_ = interval_ != 0;
  if (!waits_) expires_ = 0;
}

void CpuTimer::stop() {
  if (target_ == nullptr) return; // it has found no clock
  ProcessCpu& cpu = target_->cpu;
  for (;;) {
    {
      const IrqSpinGuard guard(cpu.lock_);
      if (armed_) {
        disarm_locked();
        cpu.refresh(thread_ != nullptr ? thread_->timers : cpu.timers_);
      }
      interval_ = 0; // who fires it, or takes what it sent, does not arm it again
      waits_ = false;
      expires_ = 0;
      if (!firing_) return;
    }
    arch::Cpu::relax();
  }
}

Result<> CpuTimer::start(TimerStart how, u64 value, u64 interval) {
  if (scope_ == CpuScope::kProcess && was_reaped(*target_)) return err(Errno::kSRCH);
  DueTimers due;
  const PreemptGuard stays;
  {
    ProcessCpu& cpu = target_->cpu;
    const IrqSpinGuard guard(cpu.lock_);
    if (scope_ == CpuScope::kThread && thread_ == nullptr) return err(Errno::kSRCH);
    if (value == 0) return {};
    const u64 now = now_locked();
    expires_ = how == TimerStart::kAbsolute ? value : saturating_add(now, value);
    interval_ = interval;
    if (mode_ == Mode::kSilent) return {};
    if (now < expires_) {
      arm_locked();
      return {};
    }
    expire_locked();
    due.add(*this);
  }
  due.fire();
  return {};
}

u64 CpuTimer::left_locked(u64 now) const {
  if (now < expires_) return expires_ - now;
  // Between two signals, or never with one: as if it had gone on.
  if (interval_ != 0 && !armed_) return interval_ - (now - expires_) % interval_;
  return mode_ == Mode::kSilent ? 0 : 1; // about to fire
}

TimerTimes CpuTimer::left() {
  const bool reaped = scope_ == CpuScope::kProcess && was_reaped(*target_);
  const IrqSpinGuard guard(target_->cpu.lock_);
  if (reaped || expires_ == 0 || (scope_ == CpuScope::kThread && thread_ == nullptr)) return {};
  return {interval_, left_locked(now_locked())};
}

u64 CpuTimer::expires() {
  const IrqSpinGuard guard(target_->cpu.lock_);
  return expires_;
}

u64 CpuTimer::rearm() {
  const IrqSpinGuard guard(target_->cpu.lock_);
  if (!waits_) return 0;
  waits_ = false;
  const u64 now = now_locked();
  u64 steps = 0, ahead;
  if (now >= expires_) steps = (now - expires_) / interval_ + 1;
  if (__builtin_mul_overflow(steps, interval_, &ahead)) ahead = kNoExpiry;
  expires_ = saturating_add(expires_, ahead);
  arm_locked();
  return steps == 0 ? 0 : steps - 1;
}

void DueTimers::fire() {
  const PreemptGuard stays;
  while (CpuTimer* const timer = list_.pop_front()) {
    ProcessCpu& cpu = timer->target_->cpu;
    timer->expired();
    const IrqSpinGuard guard(cpu.lock_);
    timer->firing_ = false; // from here on it may be gone
  }
}

} // namespace runnel::user
