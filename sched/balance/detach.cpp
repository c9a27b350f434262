// SPDX-License-Identifier: Apache-2.0
// Which tasks may be moved, and moving them: off one queue, MIGRATING while in flight, on another
// (spec 3.12).
#include "sched/balance/env.hpp"
#include "sched/balance/load.hpp"
#include "sched/balance/pelt.hpp"
#include "sched/fair/fair.hpp"

#include <algorithm>

#include <sched/proxy.hpp>

namespace runnel::sched {
namespace {

constexpr u32 kBatch = 32;             // tasks looked at with the lock held
constexpr Duration kCacheHot = 500_us; // who ran less long ago still has its data in the cache

/// The threads of a core have one cache; an idle policy's task has no claim on it.
bool is_cache_hot(const Attempt& a, const Task& p) NO_THREAD_SAFETY_ANALYSIS {
  if (p.policy == Policy::kIdle || (a.sd.flags & kSdShareCapacity) != 0) return false;
  const Rq& dst = cpu_rq(a.dst);
  if (features.cache_hot_buddy && a.src->fair.eevdf.next == &p.se &&
      dst.nr_running_hint.load(std::memory_order_relaxed) != 0)
    return true;
  return rq_clock_task(*a.src) - p.exec_start < kCacheHot;
}

/// It may not run on dst; may it on another CPU of dst's group?
void note_pinned(Attempt& a, const Task& p) {
  a.some_pinned = true;
  if (a.who == Balancer::kNewlyIdle || a.active || a.other_dst.value != kMaxCpus) return;
  for (const CpuId cpu : *a.sd.groups->cpus&* a.sd.groups->balance_mask)
    if (cpu != a.dst && is_cpu_allowed(p, cpu)) {
      a.other_dst = cpu;
      return;
    }
}

bool can_migrate(Attempt& a, Task& p) NO_THREAD_SAFETY_ANALYSIS {
  if (p.sched_delayed || p.migration_disabled != 0) return false;
  if (task_is_blocked(p)) return false; // it goes where the owner is (spec 6)
  if (!is_cpu_allowed(p, a.dst)) {
    note_pinned(a, p);
    return false;
  }
  a.only_pinned = false;
  if (p.is_on_cpu() || &p == a.src->donor || &p == a.src->curr) return false;
  return a.active || a.sd.nr_balance_failed > a.sd.cache_nice_tries || !is_cache_hot(a, p);
}

/// What moving `p` takes from the imbalance; more than is left: it stays. The more often balancing failed,
/// the less that is insisted upon.
bool fits(const Attempt& a, u64 value) {
  return value >> std::min(a.sd.nr_balance_failed, 63u) <= a.left.amount;
}

u64 value_of(const Attempt& a, const Task& p) {
  switch (a.left.unit) {
  case Imbalance::Unit::kTasks:
    return 1;
  case Imbalance::Unit::kUtil:
    return std::max<u64>(1, p.load.running_sum * kCapacityScale / pelt::divider(p.load.updated_us));
  case Imbalance::Unit::kLoad:
    break;
  }
  return std::max<u64>(1, task_load(p));
}

void detach(Attempt& a, Task& p) NO_THREAD_SAFETY_ANALYSIS {
  a.counts().gained.add();
  if (!a.active && is_cache_hot(a, p)) a.counts().hot_gained.add();
  deactivate_task(*a.src, p, kFlagMigrating | kFlagNoclock);
  set_task_cpu(p, a.dst);
  a.moved.push_back(p.se);
  ++a.nr_moved;
}

bool src_has_enough(const Attempt& a) NO_THREAD_SAFETY_ANALYSIS {
  const u32 waiting = a.src->nr_running - (a.src->fair.nr_queued - a.src->fair.nr_runnable);
  return a.who != Balancer::kBusy && waiting <= 1; // not all of it, or it will come to fetch it back
}

} // namespace

void detach_tasks(Attempt& a) NO_THREAD_SAFETY_ANALYSIS {
  const u32 most = std::min(kBatch, a.src->fair.nr_queued);
  for (u32 i = 0; i < most; ++i) {
    if (a.left.amount == 0 || src_has_enough(a)) break;
    FairEntity& se = *a.src->fair.tasks.pop_front();
    a.src->fair.tasks.push_back(se); // those who stay do not hide the others next time
    Task& p = task_of(se);
    if (!can_migrate(a, p)) continue;
    const u64 value = value_of(a, p);
    if (!fits(a, value)) continue;
    detach(a, p);
    a.left.amount -= std::min(a.left.amount, value);
    if (a.who == Balancer::kNewlyIdle) break; // somebody to run; the latency counts
  }
}

void detach_one_task(Attempt& a) NO_THREAD_SAFETY_ANALYSIS {
  for (FairEntity& se : a.src->fair.tasks) {
    Task& p = task_of(se);
    if (!can_migrate(a, p)) continue;
    return detach(a, p);
  }
}

void attach_tasks(Attempt& a) {
  if (a.nr_moved == 0) return;
  Rq& dst = cpu_rq(a.dst);
  const RqLock guard(dst);
  update_rq_clock(dst);
  while (FairEntity* se = a.moved.pop_front()) {
    Task& p = task_of(*se);
    activate_task(dst, p, kFlagMigrating | kFlagNoclock);
    wakeup_preempt(dst, p, 0);
  }
  dst.balance.nr_pulled.fetch_add(a.nr_moved, std::memory_order_relaxed);
  a.nr_moved = 0;
}

} // namespace runnel::sched
