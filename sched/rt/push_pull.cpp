// SPDX-License-Identifier: Apache-2.0
// Keeping the M most urgent realtime tasks on M CPUs (spec 4 RT6, RT7, RT8): push what waits here to CPUs
// that run something lower, pull what waits elsewhere when this CPU would run something lower.
#include "sched/core/affinity.hpp"
#include "sched/core/push_current.hpp"
#include "sched/rt/rt.hpp"

#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

constexpr u32 kPushTries = 3; // RT6

/// How whoever runs here is sent away: by the stopper at once, or, where a pi_lock is held (waking the
/// stopper takes another), from the next schedule().
enum class Send { kNow, kFromSchedule };

/// `p` waits but must not move. Whoever runs here may go in its place, if a CPU runs something lower than p
/// (RT6). Drops the lock.
void send_runner_away_for(Rq& rq, Task& p, Send how) REQUIRES(rq.lock) {
  Task& runner = *rq.curr;
  CpuId cpu;
  if (rq.push_busy || runner.sched_class != &rt_sched_class || &runner != rq.donor) return;
  if (!find_lowest_rq(runner, p.prio, &cpu) || cpu == rq.cpu) return;
  if (how == Send::kNow) return push_current_away(rq);
  rq.rt.push_wanted = true;
  resched_curr(rq);
}

enum class Pushed { kYes, kNo };

/// Drops the lock.
Pushed push_one(Rq& rq, Task& p, Send send) NO_THREAD_SAFETY_ANALYSIS {
  if (p.migration_disabled != 0) {
    send_runner_away_for(rq, p, send);
    return Pushed::kNo;
  }
  Rq* lowest = find_lock_lowest_rq(p, rq);
  if (lowest == nullptr) return Pushed::kNo;
  update_rq_clock(rq);
  update_rq_clock(*lowest);
  move_queued_task(rq, *lowest, p);
  resched_curr(*lowest);
  double_unlock_balance(rq, *lowest);
  return Pushed::kYes;
}

/// The first in line that can be moved. Beyond RT6: one that must stay does not hold up those behind it,
/// which may run on other CPUs than it may (RT8 "as far as affinity allows").
Pushed push_rt_task(Rq& rq, Send send) NO_THREAD_SAFETY_ANALYSIS {
  for (Task* p = first_pushable_rt(rq); p != nullptr;) {
    if (p->prio < rq.donor->prio) { // it became more urgent than what runs: it need not go far
      resched_curr(rq);
      return Pushed::kNo;
    }
    port::get_task(*p); // it may run, exit and go while the lock is dropped
    const Pushed pushed = push_one(rq, *p, send);
    const bool still_waits = is_pushable_rt(rq, *p);
    // No CPU at all runs something lower than p: the same holds for everyone behind it.
    const bool hopeless = p->migration_disabled == 0 && p->cpus_mask.contains(port::active_cpus());
    Task* next = still_waits ? next_pushable_rt(rq, *p) : first_pushable_rt(rq);
    port::put_task(*p);
    if (pushed == Pushed::kYes || (still_waits && hopeless)) return pushed;
    p = next;
  }
  return Pushed::kNo;
}

/// Those of `from` that wait, may come to `to` and beat all that is there: the best that can be moved, and
/// the best that must not be.
struct Candidates {
  Task* movable = nullptr;
  Task* staying = nullptr;
};

Candidates pullable(Rq& from, Rq& to) REQUIRES(from.lock, to.lock) {
  Candidates found;
  for (Task* p = first_pushable_rt(from); p != nullptr; p = next_pushable_rt(from, *p)) {
    if (p->prio >= to.rt.highest_prio()) break;
    if (!p->cpus_mask.test(to.cpu)) continue;
    if (p->prio < from.donor->prio) continue; // just woken; `from` is going to run it
    if (p->migration_disabled != 0) {
      if (found.staying == nullptr) found.staying = p;
      continue;
    }
    if (!is_cpu_allowed(*p, to.cpu)) continue; // a CPU that goes down gives its tasks away: it takes none
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
  if (found.staying != nullptr) {
    rq_unlock(rq);
    rq_lock(from);
    // Its like may be another one by now; what matters is that somebody waits so.
    Task* p = first_pushable_rt_for(from, rq.cpu);
    if (p != nullptr && p->migration_disabled != 0) send_runner_away_for(from, *p, Send::kNow);
    rq_unlock(from);
    rq_lock(rq);
    update_rq_clock(rq);
  }
  return pulled;
}

} // namespace

Rq* find_lock_lowest_rq(Task& p, Rq& rq) NO_THREAD_SAFETY_ANALYSIS {
  const Task* const first = first_pushable_rt(rq);
  for (u32 n = 0; n < kPushTries; ++n) {
    CpuId cpu;
    if (!find_lowest_rq(p, p.prio, &cpu) || cpu == rq.cpu) return nullptr;
    Rq& lowest = cpu_rq(cpu);
    if (lowest.rt.highest_prio() <= p.prio)
      return nullptr; // changed since; whoever raised it pushes for itself
    double_lock_balance(rq, lowest);
    // L3: rq was released. p may have run, moved, changed its mask or been overtaken.
    const bool as_before = is_pushable_rt(rq, p) && p.migration_disabled == 0 &&
                           p.cpus_mask.test(lowest.cpu) && lowest.online && first_pushable_rt(rq) == first;
    if (as_before && lowest.rt.highest_prio() > p.prio) return &lowest;
    double_unlock_balance(rq, lowest);
    if (!as_before) return nullptr;
  }
  return nullptr;
}

void push_rt_tasks(Rq& rq) {
  rq.rt.push_wanted = false;
  while (push_rt_task(rq, Send::kNow) == Pushed::kYes) port::relax();
}

void push_woken_rt_tasks(Rq& rq) {
  while (push_rt_task(rq, Send::kFromSchedule) == Pushed::kYes) port::relax();
}

void pull_rt_tasks(Rq& rq) {
  if (rq.rd->rto_count.load(std::memory_order_relaxed) == 0) return;
  port::read_barrier(); // B10: count before mask; pairs with the write barrier in set_rt_overload
  const CpuMask overloaded = rq.rd->rto_mask.load(std::memory_order_relaxed);
  Pulled pulled = Pulled::kNo;
  for (const CpuId cpu : overloaded) {
    if (cpu == rq.cpu) continue;
    Rq& from = cpu_rq(cpu);
    // A look without the lock: whoever raises it there meanwhile pushes.
    if (from.rt.highest_pushable_prio() >= rq.rt.highest_prio()) continue;
    if (pull_from(rq, from) == Pulled::kYes) pulled = Pulled::kYes; // another CPU may have a better one still
  }
  if (pulled == Pulled::kYes) resched_curr(rq);
}

void queue_push_rt(Rq& rq) { queue_balance_callback(rq, rq.rt.push, push_rt_tasks); }

void queue_pull_rt(Rq& rq) { queue_balance_callback(rq, rq.rt.pull, pull_rt_tasks); }

} // namespace runnel::sched
