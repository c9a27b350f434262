// SPDX-License-Identifier: Apache-2.0
#include "sched/sim/task.hpp"

#include "sched/sim/invariants.hpp"
#include "sched/sim/machine.hpp"

#include <sched/attr.hpp>

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

void set_policy(Task& task, const TaskOptions& options) {
  if (options.inherit == Inherit::kYes) {
    if (!sched::sched_fork(task)) machine->fail("scenario", "a deadline task forks without reset-on-fork");
    return;
  }
  sched::SchedAttr attr;
  attr.policy = static_cast<u32>(options.policy);
  attr.nice = options.nice;
  attr.priority = options.rt_priority;
  attr.runtime = static_cast<u64>(options.runtime.ns);
  attr.deadline = static_cast<u64>(options.deadline.ns);
  attr.period = static_cast<u64>(options.period.ns);
  if (const Result<> ok = sched::sched_setattr(task, attr); !ok)
    machine->fail("scenario",
                  "spawn: the attributes are refused, errno " + std::to_string(static_cast<int>(ok.error())));
}

} // namespace

TaskRef::~TaskRef() {
  if (task_ != nullptr && machine != nullptr) sched::port::put_task(*task_);
}

TaskRef spawn(const TaskOptions& options, std::function<void()> body) {
  Task& task = machine->allocate_task(task_entry);
  task.body = std::move(body);
  options.name.copy(task.comm, sizeof task.comm - 1);
  sched::sched_init_task(task, options.cpus & machine->online());
  task.is_kthread = false;
  task.settled_mask = task.cpus_mask;
  set_policy(task, options);
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
    executing->spins = 0;
    machine->suspend(now_ns + left, At::kTask);
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

Result<> set_affinity(Task& task, const CpuMask& mask) {
  const u64 mine = ++task.affinity_changes;
  const bool alone = task.setters++ == 0;
  task.settled_mask = CpuMask::all();
  const Result<> ok = sched::set_cpus_allowed(task, mask);
  --task.setters;
  if (!ok || !alone || task.affinity_changes != mine) return ok; // which of several won is not known
  if (task.cpus_mask != mask) return ok; // none of its CPUs is up any more, and it was let onto others (A8)
  task.settled_mask = mask;
  if (task.owner != kNoCpu && !mask.test(CpuId{task.owner}))
    machine->fail("C16", "set_cpus_allowed returned while the task runs outside its new mask");
  return ok;
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
