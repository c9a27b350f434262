// SPDX-License-Identifier: Apache-2.0
#include "kernel/time/tick.hpp"

#include "kernel/debug/watchdog.hpp"
#include "kernel/smp/percpu.hpp"
#include "kernel/task/task.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/timer.hpp"

#include <sched/sched.hpp>
#include <sched/tick.hpp>

namespace runnel::time {
namespace {

void tick(Timer& timer);

struct TickTimer : Timer {
  constexpr TickTimer() : Timer(tick) {}
  bool running = false; // this CPU only, interrupts off
};

constinit PerCpu<TickTimer> ticks;
constinit std::atomic<TickHook> tick_hook{nullptr};

void tick(Timer& timer) {
  auto& self = static_cast<TickTimer&>(timer);
  watchdog_tick();
  sched::scheduler_tick();
  if (const TickHook hook = tick_hook.load(std::memory_order_acquire)) hook(current_task());
  bury_dead_tasks();
  if (!self.running) return;
  timer_start(timer, sched::next_tick(
                         now(), sched::port::this_cpu())); // ticks missed with interrupts off are not made up
}

} // namespace

void set_tick_hook(TickHook hook) { tick_hook.store(hook, std::memory_order_release); }

void tick_start() {
  TickTimer& timer = ticks.local();
  timer.running = true;
  if (timer.state.load(std::memory_order_relaxed) == Timer::State::kIdle)
    timer_start(timer, sched::next_tick(now(), sched::port::this_cpu()));
}

void tick_stop() {
  TickTimer& timer = ticks.local();
  timer.running = false;
  timer_cancel(timer);
}

} // namespace runnel::time
