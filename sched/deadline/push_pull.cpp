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

/// `p` waits on `rq` and is going to run there next: it beats what runs, which can go elsewhere.
bool comes_next(Rq& rq, const Task& p) REQUIRES(rq.lock) {
  if (rq.donor == rq.stop) return false;
  const DlEntity* runs = dl_runs_by(*rq.donor);
  if (runs == nullptr) return dl_is_first(rq, p.dl);
  return dl_earlier(p.dl, *runs) && can_move(*rq.curr);
}

enum class Pushed { kOne, kNone };

/// Drops the lock.
Pushed push_one(Rq& rq, Task& p) NO_THREAD_SAFETY_ANALYSIS {
  Rq* later = find_lock_later_rq(p, rq);
  if (later == nullptr) return Pushed::kNone;
  update_rq_clock(rq);
  update_rq_clock(*later);
  move_queued_task(rq, *later, p);
  resched_curr(*later);
  double_unlock_balance(rq, *later);
  return Pushed::kOne;
}

/// The first in line that can be moved. One that must stay does not hold up those behind it. Drops the lock.
Pushed push_dl_task(Rq& rq) REQUIRES(rq.lock) {
  for (Task* p = first_pushable_dl(rq); p != nullptr;) {
    if (comes_next(rq, *p)) { // rescheduling is enough
      resched_curr(rq);
      return Pushed::kNone;
    }
    if (p->migration_disabled != 0) {
      p = next_pushable_dl(rq, *p);
      continue;
    }
    port::get_task(*p); // it may run, exit and go while the lock is dropped
    const Pushed pushed = push_one(rq, *p);
    const bool still_waits = is_pushable_dl(rq, *p);
    // No CPU at all has something later than p: the same holds for everyone behind it.
    const bool hopeless = still_waits && p->cpus_mask.contains(port::active_cpus());
    Task* next = still_waits ? next_pushable_dl(rq, *p) : first_pushable_dl(rq);
    port::put_task(*p);
    if (pushed == Pushed::kOne || hopeless) return pushed;
    p = next;
  }
  return Pushed::kNone;
}

/// Those of `from` that wait, may come to `to` and beat all that is there: the earliest that can be moved,
/// and the earliest that must not be.
struct Candidates {
  Task* movable = nullptr;
  Task* staying = nullptr;
};

Candidates pullable(Rq& from, Rq& to) REQUIRES(from.lock, to.lock) {
  Candidates found;
  for (Task* p = first_pushable_dl(from); p != nullptr; p = next_pushable_dl(from, *p)) {
    if (!is_earliest(*p, to)) break;
    if (!p->cpus_mask.test(to.cpu) || comes_next(from, *p)) continue;
    if (p->migration_disabled != 0) {
      if (found.staying == nullptr) found.staying = p;
      continue;
    }
    if (!is_cpu_allowed(*p, to.cpu)) continue;
    found.movable = p;
    break;
  }
  return found;
}

enum class Pulled { kYes, kNo };

Pulled pull_from(Rq& rq, Rq& from) NO_THREAD_SAFETY_ANALYSIS {
  Pulled pulled = Pulled::kNo;
  double_lock_balance(rq, from);
  const Candidates found = pullable(from, rq);
  if (found.movable != nullptr) {
    update_rq_clock(from);
    update_rq_clock(rq);
    move_queued_task(from, rq, *found.movable);
    pulled = Pulled::kYes;
  }
  double_unlock_balance(rq, from);
  if (found.staying != nullptr) { // it may not come; what keeps it from running there may
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
  if (can_move(*curr) && dl_before(p.dl.deadline, peek(donor->dl.deadline))) return cpu;
  CpuId target;
  if (find_later_rq(p, &target) && would_be_first(p, cpu_rq(target))) return target;
  return cpu;
}

Rq* find_lock_later_rq(Task& p, Rq& rq) NO_THREAD_SAFETY_ANALYSIS {
  const Task* const first = first_pushable_dl(rq);
  for (u32 n = 0; n < kPushTries; ++n) {
    CpuId cpu;
    if (!find_later_rq(p, &cpu) || cpu == rq.cpu) return nullptr;
    Rq& later = cpu_rq(cpu);
    const bool was_throttled = p.dl.throttled; // K10 asks for a task that is not in the queue
    double_lock_balance(rq, later);
    // L3: rq was released. p may have run, moved, changed its mask or its class, or been overtaken.
    const bool still_fit = &task_rq(p) == &rq && p.migration_disabled == 0 && is_cpu_allowed(p, later.cpu) &&
                           in_dl_class(p) && later.online &&
                           (was_throttled ? p.dl.throttled && p.is_queued()
                                          : is_pushable_dl(rq, p) && first_pushable_dl(rq) == first);
    if (still_fit && is_earliest(p, later)) return &later;
    double_unlock_balance(rq, later);
    if (!still_fit) return nullptr;
  }
  return nullptr;
}

void push_dl_tasks(Rq& rq) {
  while (push_dl_task(rq) == Pushed::kOne) port::relax();
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

void queue_push_dl(Rq& rq) { queue_balance_callback(rq, rq.dl.push, push_dl_tasks); }

void queue_pull_dl(Rq& rq) { queue_balance_callback(rq, rq.dl.pull, pull_dl_tasks); }

} // namespace runnel::sched
