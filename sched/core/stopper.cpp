// SPDX-License-Identifier: Apache-2.0

// The per-CPU stopper (spec 1.15): a thread of the highest class that runs requests on its CPU, taking it
// from whatever ran there.
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

/// A request somebody waits for; on that one's stack.
struct WaitedWork {
  StopWork work;
  Task* waiter = &current();
  void (*fn)(void* arg);
  void* arg;
};

StopWork* take_work(Rq& rq) {
  const port::IrqLockGuard guard(rq.stopper_lock);
  return rq.stop_works.pop_front();
}

void queue_work(Rq& rq, StopWork& work) {
  {
    const port::IrqLockGuard guard(rq.stopper_lock);
    rq.stop_works.push_back(work);
  }
  wake_up_process(*rq.stop);
}

void run(StopWork& work) {
  void (*const fn)(void*) = work.fn;
  void* const arg = work.arg;
  if (work.queued.load(std::memory_order_relaxed) != 0) {
    work.queued.store(0, std::memory_order_release); // nobody waits: fn itself may queue it again
    return fn(arg);
  }
  auto& waited = *static_cast<WaitedWork*>(arg);
  fn(arg);
  Task& waiter = *waited.waiter;
  port::get_task(waiter); // with `done` the request, and soon perhaps the waiter, is gone
  work.done.store(1, std::memory_order_release); // pairs with the acquire in stop_one_cpu
  wake_up_process(waiter);
  port::put_task(waiter);
}

} // namespace

void sched_set_stopper(CpuId cpu, Task& stopper) {
  stopper.sched_class = &stop_sched_class;
  stopper.policy = Policy::kFifo; // what it looks like from outside (spec 2.4)
  stopper.rt_priority = 99;
  stopper.prio = stopper.normal_prio = rt_to_prio(99);
  stopper.cpus_mask = CpuMask::of(cpu);
  stopper.nr_cpus_allowed = 1;
  stopper.is_per_cpu = true;
  stopper.cpu.store(cpu.value, std::memory_order_relaxed);
  stopper.wake_cpu = cpu.value;
  Rq& rq = cpu_rq(cpu);
  const RqLock guard(rq);
  rq.stop = &stopper;
}

void stopper_main(CpuId cpu) {
  Rq& rq = cpu_rq(cpu);
  for (;;) {
    set_current_state(kInterruptible);
    StopWork* work = take_work(rq);
    if (work == nullptr) {
      schedule();
      continue;
    }
    current().state.store(kRunning, std::memory_order_relaxed);
    run(*work);
  }
}

void stop_one_cpu(CpuId cpu, void (*fn)(void*), void* arg) {
  WaitedWork request{.work = {}, .fn = fn, .arg = arg};
  request.work.fn = [](void* p) {
    auto& waited = *static_cast<WaitedWork*>(p);
    waited.fn(waited.arg);
  };
  request.work.arg = &request;
  queue_work(cpu_rq(cpu), request.work);
  for (;;) {
    set_current_state(kUninterruptible);
    if (request.work.done.load(std::memory_order_acquire) != 0) break; // pairs with the release in run()
    schedule();
  }
  current().state.store(kRunning, std::memory_order_relaxed);
}

void stop_one_cpu_nowait(Rq& rq, StopWork& work, void (*fn)(void*), void* arg) NO_THREAD_SAFETY_ANALYSIS {
  work.fn = fn;
  work.arg = arg;
  work.queued.store(1, std::memory_order_relaxed);
  // The stopper's locks are further out than the rq lock (L1). Preemption stays off until the stopper is
  // awake: the requester must not be moved between the queueing and the wake-up.
  const port::PreemptGuard no_preempt;
  const u32 clock_flags = rq.clock_flags;
  rq.lock.unlock();
  queue_work(rq, work);
  rq.lock.lock();
  rq.clock_flags = clock_flags;
}

} // namespace runnel::sched
