// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/timers/signal_timer.hpp"

#include "kernel/sync/guards.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/signal/signal.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace runnel::user {
namespace {

/// An interval whose signal nobody wants goes on no sooner: it may be so short that the CPU would do nothing
/// else.
constexpr u64 kUnwantedPause = 1'000'000;

u64 saturating_add(u64 a, u64 b) {
  u64 sum;
  return __builtin_add_overflow(a, b, &sum) || sum > kNever.ns ? kNever.ns : sum;
}

} // namespace

SigInfo TimerSignal::info() const {
  SigInfo info = SigInfo::of(signo, code);
  if (code == kSiTimer) info.timer = {id, 0, value};
  return info;
}

TimerTimes SignalTimer::start(u64 at, u64 interval) {
  const TimerTimes old = stop();
  const IrqSpinGuard guard(lock_);
  armed_ = true;
  next_ = std::min(at, kNever.ns);
  interval_ = interval;
  overrun_ = 0;
  if (signal_.signo != 0) timer_start(*this, {next_});
  return old;
}

TimerTimes SignalTimer::disarm() {
  const IrqSpinGuard guard(lock_);
  const TimerTimes old = left_locked();
  armed_ = false; // whoever fires or takes from here on does not start it again
  rearm_ = false;
  interval_ = 0;
  return old;
}

TimerTimes SignalTimer::stop() {
  const TimerTimes old = disarm();
  time::timer_cancel_sync(*this);
  withdraw_signal(process_, entry_);
  return old;
}

TimerTimes SignalTimer::left() {
  const IrqSpinGuard guard(lock_);
  return left_locked();
}

i32 SignalTimer::overrun() {
  const IrqSpinGuard guard(lock_);
  return overrun_;
}

TimerTimes SignalTimer::left_locked() const {
  if (!armed_) return {interval_, 0};
  const u64 now = time::now().ns;
  if (next_ > now) return {interval_, next_ - now};
  if (interval_ != 0) return {interval_, interval_ - (now - next_) % interval_};
  return {0, signal_.signo != 0 ? u64{1} : u64{0}}; // about to fire; without a signal it is simply over
}

void SignalTimer::fired(time::Timer& timer) {
  auto& self = static_cast<SignalTimer&>(timer);
  {
    const IrqSpinGuard guard(self.lock_);
    if (!self.armed_) return;
    self.armed_ = self.interval_ != 0;
    self.running_on_ = arch::Cpu::this_cpu().value;
  }
  self.send();
  const IrqSpinGuard guard(self.lock_);
  self.running_on_ = kNowhere;
  if (std::exchange(self.rearm_, false)) timer_start(self, {self.next_});
}

void SignalTimer::taken() {
  const IrqSpinGuard guard(lock_);
  if (!armed_ || interval_ == 0) return;
  const u64 now = time::now().ns;
  const bool unwanted = running_on_ == arch::Cpu::this_cpu().value;
  const u64 missed = now > next_ ? (now - next_) / interval_ : 0;
  overrun_ = static_cast<i32>(std::min<u64>(missed, std::numeric_limits<i32>::max()));
  if (signal_.code == kSiTimer) entry_.info.timer.overrun = overrun_;
  const u64 until = unwanted ? std::max(now, saturating_add(next_, kUnwantedPause)) : now;
  const u64 steps = (until > next_ ? (until - next_) / interval_ : 0) + 1;
  u64 ahead;
  if (__builtin_mul_overflow(steps, interval_, &ahead)) ahead = kNever.ns;
  next_ = saturating_add(next_, ahead);
  if (running_on_ != kNowhere) {
    rearm_ = true;
    return;
  }
  time::timer_cancel_sync(*this); // its function may be about to return; it takes no lock any more
  timer_start(*this, {next_});
}

void SignalTimer::send() {
  entry_.info = signal_.info();
  send_signal_entry(process_, signal_.tid, entry_);
}

} // namespace runnel::user
