// SPDX-License-Identifier: Apache-2.0
// The per-CPU stopper (spec 1.15): a thread of the highest class that runs requests on its CPU, taking it
// from whatever ran there.
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

StopWork* take_work(Rq& rq) {
  const port::IrqLockGuard guard(rq.stopper_lock);
  return rq.stop_works.pop_front();
}

} // namespace

void sched_set_stopper(CpuId cpu, Task& stopper) {
  stopper.sched_class = &stop_sched_class;
  stopper.cpus_mask = CpuMask::of(cpu);
  stopper.cpu.store(cpu.value, std::memory_order_relaxed);
  stopper.wake_cpu = cpu.value;
  Rq& rq = cpu_rq(cpu);
  const port::IrqLockGuard guard(rq.lock);
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
    work->fn(work->arg);
    work->done.store(1,
                     std::memory_order_release); // pairs with the acquire in stop_one_cpu; `work` is gone now
  }
}

void stop_one_cpu(CpuId cpu, void (*fn)(void*), void* arg) {
  StopWork work;
  work.fn = fn;
  work.arg = arg;
  Rq& rq = cpu_rq(cpu);
  {
    const port::IrqLockGuard guard(rq.stopper_lock);
    rq.stop_works.push_back(work);
  }
  wake_up_process(*rq.stop);
  // The request lives on this stack, so nothing may be touched after `done`: hence a flag and not a wake-up.
  // The stopper runs at once; giving way lets it when it is on this very CPU.
  while (work.done.load(std::memory_order_acquire) == 0) {
    yield();
    port::relax();
  }
}

} // namespace runnel::sched
