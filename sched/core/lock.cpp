// SPDX-License-Identifier: Apache-2.0

// Runqueue locks and their order (spec 1.2).
#include <sched/rq.hpp>

namespace runnel::sched {

void rq_lock(Rq& rq) NO_THREAD_SAFETY_ANALYSIS {
  port::preempt_disable();
  rq.lock.lock();
  rq.clock_flags = 0;
}

void rq_unlock(Rq& rq) NO_THREAD_SAFETY_ANALYSIS {
  rq.lock.unlock();
  port::preempt_enable_no_resched();
}

RqLock::RqLock(Rq& rq) NO_THREAD_SAFETY_ANALYSIS : rq_(rq) { rq_lock(rq_); }
RqLock::~RqLock() NO_THREAD_SAFETY_ANALYSIS { rq_unlock(rq_); }

DoubleRqLock::DoubleRqLock(Rq& a, Rq& b) NO_THREAD_SAFETY_ANALYSIS : a_(a.cpu < b.cpu ? a : b),
                                                                     b_(a.cpu < b.cpu ? b : a) {
  rq_lock(a_);
  if (&a_ == &b_) return;
  b_.lock.lock_nested();
  b_.clock_flags = 0;
}

DoubleRqLock::~DoubleRqLock() NO_THREAD_SAFETY_ANALYSIS {
  if (&a_ != &b_) b_.lock.unlock();
  rq_unlock(a_);
}

void double_lock_balance(Rq& rq, Rq& other) NO_THREAD_SAFETY_ANALYSIS {
  const u32 clock_flags = rq.clock_flags;
  rq.lock.unlock();
  Rq& first = rq.cpu < other.cpu ? rq : other;
  Rq& second = rq.cpu < other.cpu ? other : rq;
  first.lock.lock();
  second.lock.lock_nested();
  rq.clock_flags = clock_flags;
  other.clock_flags = 0;
}

void double_unlock_balance(Rq&, Rq& other) NO_THREAD_SAFETY_ANALYSIS { other.lock.unlock(); }

TaskRqLock::TaskRqLock(Task& p) NO_THREAD_SAFETY_ANALYSIS {
  for (;;) {
    const CpuId cpu{p.cpu.load(std::memory_order_acquire)}; // B6: pairs with the release in set_task_cpu
    rq_ = &cpu_rq(cpu);
    rq_lock(*rq_);
    if (p.task_cpu() == cpu && p.on_rq.load(std::memory_order_relaxed) != OnRq::kMigrating) return;
    rq_unlock(*rq_);
    while (p.on_rq.load(std::memory_order_relaxed) == OnRq::kMigrating) port::relax();
  }
}

TaskRqLock::~TaskRqLock() NO_THREAD_SAFETY_ANALYSIS { rq_unlock(*rq_); }

} // namespace runnel::sched
