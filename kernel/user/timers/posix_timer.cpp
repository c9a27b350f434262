// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/timers/posix_timer.hpp"

#include "kernel/mm/kmalloc.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/cpu_time/cpu_timer.hpp"
#include "kernel/user/signal/signal.hpp"

#include <algorithm>
#include <limits>

namespace runnel::user {
namespace {

/// Of a clock that goes on by itself.
class ClockTimer final : public PosixTimer {
 public:
  ClockTimer(Process& process, const TimerSignal& signal, u64 lead)
      : PosixTimer(signal.id), lead_(lead), timer_(process, signal) {}

  Result<TimerTimes> set(TimerStart how, u64 value, u64 interval) override {
    if (value == 0) return timer_.stop();
    const u64 at = how == TimerStart::kRelative ? time::now().ns + value : value > lead_ ? value - lead_ : 0;
    return timer_.start(at, interval);
  }
  TimerTimes left() override { return timer_.left(); }
  i32 overrun() override { return timer_.overrun(); }

 private:
  const u64 lead_; // of the clock, ahead of the monotonic one
  SignalTimer timer_;
};

/// Of processor time.
class CpuSignalTimer final : public PosixTimer, private CpuTimer {
 public:
  CpuSignalTimer(Process& process, const TimerSignal& signal)
      : PosixTimer(signal.id), CpuTimer(signal.signo == 0 ? Mode::kSilent : Mode::kFires), process_(process),
        signal_(signal) {
    entry_.timer = this;
    entry_.taken = [](QueuedSignal& entry) { static_cast<Entry&>(entry).timer->taken(); };
  }
  ~CpuSignalTimer() override {
    disarm();
    detach();
  }
  using CpuTimer::attach;

  Result<TimerTimes> set(TimerStart how, u64 value, u64 interval) override {
    const TimerTimes old = CpuTimer::left();
    disarm();
    RUNNEL_TRY(start(how, value, interval));
    return old;
  }
  TimerTimes left() override { return CpuTimer::left(); }
  i32 overrun() override { return overrun_.load(std::memory_order_relaxed); }

 private:
  struct Entry : QueuedSignal {
    CpuSignalTimer* timer = nullptr;
  };

  void disarm() {
    stop();
    withdraw_signal(process_, entry_);
    overrun_.store(0, std::memory_order_relaxed);
  }
  void expired() override {
    {
      const IrqSpinGuard guard(process_.lock);
      if (entry_.node.is_linked()) return;
      entry_.info = signal_.info();
    }
    send_signal_entry(process_, signal_.tid, entry_);
  }
  /// With Process::lock held.
  void taken() {
    const u64 missed = rearm();
    const auto told = static_cast<i32>(std::min<u64>(missed, std::numeric_limits<i32>::max()));
    entry_.info.timer.overrun = told;
    overrun_.store(told, std::memory_order_relaxed);
  }

  Process& process_;
  const TimerSignal signal_;
  Entry entry_; // Process::lock
  std::atomic<i32> overrun_{0};
};

} // namespace

Result<PosixTimer*> PosixTimer::create(Process& process, const TimerSignal& signal, i32 clock) {
  if (!is_cpu_clock(clock)) {
    PosixTimer* const timer = mm::knew<ClockTimer>(process, signal, *clock_lead(clock));
    if (timer == nullptr) return err(Errno::kNOMEM);
    return timer;
  }
  const auto id = cpu_clock(clock);
  if (!id) return err(Errno::kINVAL);
  CpuSignalTimer* const timer = mm::knew<CpuSignalTimer>(process, signal);
  if (timer == nullptr) return err(Errno::kNOMEM);
  if (const auto found = timer->attach(*id); !found) {
    mm::kdelete(timer);
    return err(found.error());
  }
  return timer;
}

} // namespace runnel::user
