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

  WaitedWork(void (*function)(void* arg), void* argument) : fn(function), arg(argument) {
    work.fn = [](void* p) {
      auto& self = *static_cast<WaitedWork*>(p);
      self.fn(self.arg);
    };
    work.arg = this;
  }

  void wait() {
    for (;;) {
      set_current_state(kUninterruptible);
      if (work.done.load(std::memory_order_acquire) != 0) break; // pairs with the release in run()
      schedule();
    }
    current().state.store(kRunning, std::memory_order_relaxed);
  }
};

/// Two stoppers that meet with interrupts off; on the requester's stack.
struct Rendezvous {
  CpuId runs_on;
  void (*fn)(void* arg);
  void* arg;
  std::atomic<u32> arrived{0};
  std::atomic<u32> finished{0};

  static void meet(void* p) {
    auto& self = *static_cast<Rendezvous*>(p);
    const port::IrqGuard irqs_off;
    self.arrived.fetch_add(1);
    while (self.arrived.load() != 2) port::relax(); // both have let go of whatever ran there
    if (port::this_cpu() == self.runs_on) self.fn(self.arg);
    self.finished.fetch_add(1);
    while (self.finished.load() != 2) port::relax(); // neither leaves before fn is done
  }
};

StopWork* take_work(Rq& rq) {
  const port::IrqLockGuard guard(rq.stopper_lock);
  return rq.stop_works.pop_front();
}

/// False: the CPU is down. The look at it and the queueing are one under the lock, and the CPU leaves the
/// online mask in its stopper: who saw it online is in time for the stopper's next look at the list.
/// Preemption stays off until the stopper is awake, for the CPU answers only as long as port::synchronize()
/// waits for somebody.
bool queue_work(Rq& rq, StopWork& work) {
  const port::PreemptGuard no_preempt;
  {
    const port::IrqLockGuard guard(rq.stopper_lock);
    if (!port::online_cpus().test(rq.cpu)) return false;
    rq.stop_works.push_back(work);
  }
  wake_up_process(*rq.stop);
  return true;
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

bool stop_one_cpu(CpuId cpu, void (*fn)(void*), void* arg) {
  WaitedWork request(fn, arg);
  if (!queue_work(cpu_rq(cpu), request.work)) return false;
  request.wait();
  return true;
}

bool stop_two_cpus(CpuId runs_on, CpuId other, void (*fn)(void*), void* arg) NO_THREAD_SAFETY_ANALYSIS {
  Rendezvous meeting{.runs_on = runs_on, .fn = fn, .arg = arg};
  WaitedWork here(Rendezvous::meet, &meeting), there(Rendezvous::meet, &meeting);
  Rq& first = cpu_rq(runs_on < other ? runs_on : other);
  Rq& second = cpu_rq(runs_on < other ? other : runs_on);
  {
    // Both at once: two requests for the same pair are in the same order on both CPUs, else each pair would
    // wait for the other for ever. Preemption is off until both are awake: neither waits for a requester that
    // was put aside.
    const port::PreemptGuard no_preempt;
    {
      const port::IrqGuard irqs_off;
      first.stopper_lock.lock();
      second.stopper_lock.lock_nested();
      const CpuMask online = port::online_cpus();
      const bool both_up = online.test(runs_on) && online.test(other); // as in queue_work
      if (both_up) {
        first.stop_works.push_back(here.work);
        second.stop_works.push_back(there.work);
      }
      second.stopper_lock.unlock();
      first.stopper_lock.unlock();
      if (!both_up) return false;
    }
    wake_up_process(*first.stop);
    wake_up_process(*second.stop);
  }
  here.wait();
  there.wait();
  return true;
}

bool stop_one_cpu_nowait(Rq& rq, StopWork& work, void (*fn)(void*), void* arg) NO_THREAD_SAFETY_ANALYSIS {
  work.fn = fn;
  work.arg = arg;
  work.queued.store(1, std::memory_order_relaxed);
  // The stopper's locks are further out than the rq lock (L1). Preemption stays off until the stopper is
  // awake: the requester must not be moved between the queueing and the wake-up.
  const port::PreemptGuard no_preempt;
  const u32 clock_flags = rq.clock_flags;
  rq.lock.unlock();
  const bool queued = queue_work(rq, work);
  // It went down while no lock was held. Nobody else looks at the request: whoever may queue it waits for the
  // caller's own flag.
  if (!queued) work.queued.store(0, std::memory_order_relaxed);
  rq.lock.lock();
  rq.clock_flags = clock_flags;
  return queued;
}

} // namespace runnel::sched
