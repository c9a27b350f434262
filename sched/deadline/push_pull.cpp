// SPDX-License-Identifier: Apache-2.0
// Keeping the M earliest deadline tasks on M CPUs (spec 5.4): place on wake-up, push what waits here to CPUs
// with later deadlines, pull what waits elsewhere when this CPU would run something later.
#include "sched/core/push_current.hpp"
#include "sched/deadline/deadline.hpp"

namespace runnel::sched {
namespace {

constexpr u32 kPushTries = 3;

template <typename T> T peek(T& word) { return std::atomic_ref<T>(word).load(std::memory_order_relaxed); }

bool would_be_first(const Task& p, Rq& rq) {
  CpuDl& cpudl = rq.rd->cpudl;
  const port::IrqLockGuard guard(cpudl.lock);
  return cpudl.heap.would_be_first(rq.cpu, p.dl.deadline);
}

/// With rq's lock: what would_be_first asks, of the queue itself.
bool is_earliest(const Task& p, Rq& rq) REQUIRES(rq.lock) {
  const DlEntity* first = rq.dl.queue.first();
  return first == nullptr || dl_earlier(p.dl, *first);
}

/// The deadline that lets the donor run: its own, or that of the server it runs by. Nothing: another class's
/// right.
const DlEntity* runs_by(const Task& donor) { return in_dl_class(donor) ? &donor.dl : donor.dl_server; }

enum class Pushed { kOne, kNone };

/// One task. Drops the lock.
Pushed push_dl_task(Rq& rq) NO_THREAD_SAFETY_ANALYSIS {
  while (rq.dl.overloaded) {
    Task* p = first_pushable_dl(rq);
    if (p == nullptr) return Pushed::kNone;
    // It is about to run here, or beats what runs here and can go elsewhere: rescheduling is enough.
    const DlEntity* runs = runs_by(*rq.donor);
    const bool comes_next = runs == nullptr && rq.donor != rq.stop && dl_is_first(rq, p->dl);
    if (comes_next || (runs != nullptr && dl_earlier(p->dl, *runs) && rq.curr->nr_cpus_allowed > 1)) {
      resched_curr(rq);
      return Pushed::kNone;
    }
    if (p->migration_disabled != 0) return Pushed::kNone;
    port::get_task(*p); // it may run, exit and go while the lock is dropped
    Rq* later = find_lock_later_rq(*p, rq);
    if (later != nullptr) {
      update_rq_clock(rq);
      update_rq_clock(*later);
      move_queued_task(rq, *later, *p);
      resched_curr(*later);
      double_unlock_balance(rq, *later);
    }
    // The lock was dropped: if somebody else is first in line now, try with that one.
    const bool again = later == nullptr && first_pushable_dl(rq) != p;
    port::put_task(*p);
    if (!again) return later != nullptr ? Pushed::kOne : Pushed::kNone;
  }
  return Pushed::kNone;
}

/// The earliest task of `from` that may come to `to`, if it beats all that is there and is not about to run
/// where it is.
Task* pullable(Rq& from, Rq& to) REQUIRES(from.lock, to.lock) {
  Task* p = first_pushable_dl_for(from, to.cpu);
  if (p == nullptr || !is_earliest(*p, to)) return nullptr;
  if (from.donor->sched_class == &stop_sched_class) return p;
  const DlEntity* runs = runs_by(*from.donor);
  return runs == nullptr || dl_earlier(p->dl, *runs) ? nullptr : p;
}

enum class Pulled { kYes, kNo };

Pulled pull_from(Rq& rq, Rq& from) NO_THREAD_SAFETY_ANALYSIS {
  Pulled pulled = Pulled::kNo;
  bool push_its_runner = false;
  double_lock_balance(rq, from);
  if (Task* p = pullable(from, rq)) {
    if (p->migration_disabled != 0) {
      push_its_runner = true; // it may not come; what keeps it from running there may
    } else {
      update_rq_clock(from);
      update_rq_clock(rq);
      move_queued_task(from, rq, *p);
      pulled = Pulled::kYes;
    }
  }
  double_unlock_balance(rq, from);
  if (push_its_runner) {
    rq_unlock(rq);
    rq_lock(from);
    if (in_dl_class(*from.curr)) push_current_away(from);
    rq_unlock(from);
    rq_lock(rq);
    update_rq_clock(rq);
  }
  return pulled;
}

/// One of `mask` that shares the last-level cache with `cpu`; kMaxCpus: none.
CpuId near(const CpuMask& mask, CpuId cpu) {
  for (const CpuId other : mask)
    if (cpus_share_cache(cpu, other)) return other;
  return {kMaxCpus};
}

} // namespace

bool find_later_rq(Task& p, CpuId* later) {
  if (p.nr_cpus_allowed == 1) return false;
  CpuMask found;
  {
    CpuDl& cpudl = task_rq(p).rd->cpudl;
    const port::IrqLockGuard guard(cpudl.lock);
    found = cpudl.heap.find(*p.cpus_ptr & port::active_cpus(), p.dl.deadline);
  }
  if (found.empty()) return false;
  const CpuId last = p.task_cpu(); // its cache may still be warm
  const CpuId here = port::this_cpu();
  if (found.test(last)) {
    *later = last;
  } else if (found.test(here) && cpus_share_cache(last, here)) {
    *later = here;
  } else if (const CpuId other = near(found, last); other.value < kMaxCpus) {
    *later = other;
  } else {
    *later = found.test(here) ? here : found.lowest();
  }
  return true;
}

CpuId select_task_rq_dl(Task& p, CpuId cpu, u32 wake_flags) {
  if ((wake_flags & kWakeTtwu) == 0) return cpu;
  Rq& rq = cpu_rq(cpu);
  const port::RcuReadGuard keeps_tasks_allocated;
  const Task* curr = peek(rq.curr);
  Task* donor = peek(rq.donor);
  // It stays, and whom it preempts is pushed, unless that one cannot be moved or it would be the one to wait.
  if (curr == nullptr || donor == nullptr || !in_dl_class(*donor)) return cpu;
  if (curr->nr_cpus_allowed >= 2 && dl_before(p.dl.deadline, peek(donor->dl.deadline))) return cpu;
  CpuId target;
  if (find_later_rq(p, &target) && would_be_first(p, cpu_rq(target))) return target;
  return cpu;
}

Rq* find_lock_later_rq(Task& p, Rq& rq) NO_THREAD_SAFETY_ANALYSIS {
  for (u32 n = 0; n < kPushTries; ++n) {
    CpuId cpu;
    if (!find_later_rq(p, &cpu) || cpu == rq.cpu) return nullptr;
    Rq& later = cpu_rq(cpu);
    const bool was_throttled = p.dl.throttled; // K10 asks for a task that is not in the queue
    double_lock_balance(rq, later);
    // L3: rq was released. p may have run, moved, changed its mask or its class, or been overtaken.
    const bool still_fit = &task_rq(p) == &rq && p.migration_disabled == 0 && is_cpu_allowed(p, later.cpu) &&
                           in_dl_class(p) && later.online &&
                           (was_throttled ? p.dl.throttled && p.is_queued() : first_pushable_dl(rq) == &p);
    if (still_fit && is_earliest(p, later)) return &later;
    double_unlock_balance(rq, later);
    if (!still_fit) return nullptr;
  }
  return nullptr;
}

void push_dl_tasks(Rq& rq) {
  while (push_dl_task(rq) == Pushed::kOne) {
  }
}

void pull_dl_tasks(Rq& rq) {
  rq.dl.wants_pull = false;
  if (rq.rd->dlo_count.load(std::memory_order_relaxed) == 0) return;
  port::read_barrier(); // B10: count before mask; pairs with the write barrier in set_dl_overload
  const CpuMask overloaded = rq.rd->dlo_mask.load(std::memory_order_relaxed);
  Pulled pulled = Pulled::kNo;
  for (const CpuId cpu : overloaded) {
    if (cpu == rq.cpu) continue;
    Rq& from = cpu_rq(cpu);
    // A look without the lock: whoever gets an earlier one there meanwhile pushes.
    const DlEntity* first = rq.dl.queue.first();
    if (first != nullptr &&
        !dl_before(from.dl.earliest_next.load(std::memory_order_relaxed), first->deadline))
      continue;
    if (pull_from(rq, from) == Pulled::kYes)
      pulled = Pulled::kYes; // another CPU may have an earlier one still
  }
  if (pulled == Pulled::kYes) resched_curr(rq);
}

void queue_push_dl(Rq& rq) {
  if (!rq.dl.pushable.empty()) queue_balance_callback(rq, rq.dl.push, push_dl_tasks);
}

void queue_pull_dl(Rq& rq) { queue_balance_callback(rq, rq.dl.pull, pull_dl_tasks); }

} // namespace runnel::sched
