// SPDX-License-Identifier: Apache-2.0
#include "kernel/time/timer.hpp"

#include "kernel/smp/percpu.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/time/clock.hpp"

#include <arch/timer.hpp>

namespace runnel::time {
namespace {

bool earlier(const Timer& a, const Timer& b) {
  if (a.expires == b.expires) return a.sequence < b.sequence;
  return a.expires.is_before(b.expires);
}

struct TimerBase {
  SpinLock lock{LockRank::kTimerBase};
  PairingHeap<Timer, earlier> queue GUARDED_BY(lock);
  u64 next_sequence GUARDED_BY(lock) = 0;
  std::atomic<u64> next_expiry{kNever.ns};
};

constinit PerCpu<TimerBase> bases;

/// Sets the hardware to the earliest timer. On the base's own CPU.
void reprogram(TimerBase& base) REQUIRES(base.lock) {
  const Timer* first = base.queue.top();
  const Instant next = first != nullptr ? first->expires : kNever;
  if (next.ns == base.next_expiry.load(std::memory_order_relaxed)) return;
  base.next_expiry.store(next.ns, std::memory_order_relaxed);
  if (first != nullptr)
    arch::timer_arm(next);
  else
    arch::timer_stop();
}

bool cancel_locked(TimerBase& base, Timer& timer, CpuId cpu) REQUIRES(base.lock) {
  if (timer.state.load(std::memory_order_relaxed) != Timer::State::kQueued) return false;
  base.queue.erase(timer);
  timer.state.store(Timer::State::kIdle, std::memory_order_release);
  // Another CPU's hardware timer cannot be set from here; it fires for nothing and finds the queue as it is.
  if (cpu == arch::Cpu::this_cpu()) reprogram(base);
  return true;
}

} // namespace

void timer_start(Timer& timer, Instant expires) {
  const IrqGuard irqs_off;
  TimerBase& base = bases.local();
  const IrqSpinGuard guard(base.lock);
  timer.expires = expires;
  timer.sequence = base.next_sequence++;
  timer.base_cpu.store(arch::Cpu::this_cpu().value, std::memory_order_relaxed);
  timer.state.store(Timer::State::kQueued, std::memory_order_relaxed);
  base.queue.insert(timer);
  reprogram(base);
}

bool timer_cancel(Timer& timer) NO_THREAD_SAFETY_ANALYSIS {
  const IrqGuard irqs_off;
  CpuId cpu;
  TimerBase* locked = nullptr;
  do { // a timer changes its base when its CPU goes down: at most once a turn
    if (locked != nullptr) locked->lock.unlock();
    cpu = {timer.base_cpu.load(std::memory_order_relaxed)};
    locked = &bases.on(cpu);
    locked->lock.lock();
  } while (timer.base_cpu.load(std::memory_order_relaxed) != cpu.value);
  TimerBase& base = *locked;
  const bool cancelled = cancel_locked(base, timer, cpu);
  base.lock.unlock();
  return cancelled;
}
bool timer_cancel_sync(Timer& timer) {
  const bool taken = timer_cancel(timer);
  // Acquire: what the function did is visible; pairs with the release in timer_interrupt.
  while (timer.state.load(std::memory_order_acquire) != Timer::State::kIdle) arch::Cpu::relax();
  return taken;
}

void timer_interrupt() NO_THREAD_SAFETY_ANALYSIS {
  TimerBase& base = bases.local();
  sync::preempt_disable();
  base.lock.lock();
  base.next_expiry.store(kNever.ns, std::memory_order_relaxed); // it fired: whatever comes must be armed anew
  for (Timer* timer = base.queue.top(); timer != nullptr; timer = base.queue.top()) {
    if (timer->expires.is_after(now())) break;
    base.queue.erase(*timer);
    timer->state.store(Timer::State::kRunning, std::memory_order_relaxed);
    base.lock.unlock();
    timer->function(*timer);
    // A function that started its timer again left it queued; only a timer still running becomes idle. After
    // this store the timer may be gone. (It can only have been restarted here, by its function, so nobody
    // races.)
    Timer::State running = Timer::State::kRunning;
    base.lock.lock();
    timer->state.compare_exchange_strong(running, Timer::State::kIdle, std::memory_order_release,
                                         std::memory_order_relaxed);
  }
  reprogram(base);
  base.lock.unlock();
  sync::preempt_enable_no_resched();
}

void timers_take_over(CpuId cpu) NO_THREAD_SAFETY_ANALYSIS {
  const IrqGuard irqs_off;
  const CpuId here = arch::Cpu::this_cpu();
  TimerBase& from = bases.on(cpu);
  TimerBase& to = bases.on(here);
  TimerBase& first = cpu < here ? from : to; // two of one rank: lower CPU number first
  TimerBase& second = cpu < here ? to : from;
  first.lock.lock();
  second.lock.lock_nested();
  while (Timer* timer = from.queue.top()) {
    from.queue.erase(*timer);
    timer->sequence = to.next_sequence++;
    timer->base_cpu.store(here.value, std::memory_order_relaxed);
    to.queue.insert(*timer);
  }
  from.next_expiry.store(kNever.ns, std::memory_order_relaxed);
  reprogram(to);
  second.lock.unlock();
  first.lock.unlock();
}

Instant next_timer_expiry(CpuId cpu) { return {bases.on(cpu).next_expiry.load(std::memory_order_relaxed)}; }

} // namespace runnel::time
