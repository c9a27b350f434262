// SPDX-License-Identifier: Apache-2.0
#include "sched/sim/task.hpp"

#include "sched/sim/invariants.hpp"
#include "sched/sim/machine.hpp"

namespace runnel::sim {
namespace {

struct WakeTimer : Timer {
  explicit WakeTimer(Task& sleeper) : Timer(fire), task(sleeper) {}
  static void fire(Timer& timer) { sched::wake_up_process(static_cast<WakeTimer&>(timer).task); }
  Task& task;
};

void task_entry(Fiber&) {
  sched::schedule_tail(switched_in());
  bool threw = false;
  try {
    check_task_code(*machine);
    self().body();
  } catch (...) {
    machine->body_threw(std::current_exception());
    threw = true;
  }
  if (threw) machine->stop(); // outside of the handler: its bookkeeping belongs to the host thread
  exit();
}

} // namespace

TaskRef::~TaskRef() {
  if (task_ != nullptr && machine != nullptr) sched::port::put_task(*task_);
}

TaskRef spawn(TaskOptions options, std::function<void()> body) {
  Task& task = machine->allocate_task(task_entry);
  task.body = std::move(body);
  options.name.copy(task.comm, sizeof task.comm - 1);
  sched::sched_init_task(task, options.cpus & machine->online());
  TaskRef ref(task);
  sched::wake_up_new_task(task);
  return ref;
}

void compute(Duration work) {
  u64 left = static_cast<u64>(work.ns);
  self().computed += work;
  do {
    check_task_code(*machine);
    const u64 start = now_ns;
    machine->suspend(now_ns + left);
    left -= now_ns - start;
    take_interrupts();
  } while (left != 0);
}

void sleep(Duration time) {
  WakeTimer timer(self());
  sched::set_current_state(sched::kInterruptible);
  sched::port::timer_start(timer, now() + time);
  sched::schedule();
  sched::port::timer_cancel(timer);
  while (timer.state != Timer::State::kIdle) sched::port::relax();
}

void wait_until(const std::function<bool()>& condition) {
  self().waits_for = &condition;
  for (;;) {
    if (machine->config().mutation == Mutation::kSleepUnchecked) {
      const bool seen = condition();
      sched::port::full_barrier();
      self().state.store(sched::kInterruptible, std::memory_order_relaxed);
      if (seen) break;
    } else {
      sched::set_current_state(sched::kInterruptible);
      if (condition()) break;
    }
    sched::schedule();
  }
  self().state.store(sched::kRunning, std::memory_order_relaxed);
  self().waits_for = nullptr;
}

bool wake(Task& task) { return sched::wake_up_process(task); }

void join(const TaskRef& task) {
  Task& target = *task;
  target.joiner = &self();
  wait_until([&target] { return target.exited; });
}

void exit() {
  Task& task = self();
  task.exited = true;
  if (task.joiner != nullptr) wake(*task.joiner);
  sched::port::preempt_disable(); // as do_exit: the last schedule is its own
  sched::port::preempt_enable_no_resched();
  sched::do_task_dead();
}

} // namespace runnel::sim
