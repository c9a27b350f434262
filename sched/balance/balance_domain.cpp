// SPDX-License-Identifier: Apache-2.0
// Balances one domain for one CPU: is it its turn, who is busiest, take, and what to learn from it (spec 3.12
// periodic).
#include "sched/balance/env.hpp"

#include <algorithm>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

constexpr u32 kMaxPinnedIntervalMs = 512;

u32 nr_running(const Rq& rq) {
  const u32 all = rq.nr_running_hint.load(std::memory_order_relaxed);
  return all - std::min(all, rq.balance.load.nr_delayed.load(std::memory_order_relaxed));
}

bool core_is_idle(CpuId cpu) {
  for (const CpuId thread : *cpu_domains(cpu).core)
    if (!cpu_is_idle(thread)) return false;
  return true;
}

/// One CPU of the local group balances for it: the first idle one, one with an idle core before one without;
/// if none is idle, the first.
bool is_designated(const Attempt& a) {
  const CpuMask candidates = *a.sd.groups->balance_mask & a.cpus;
  CpuId idle_thread{kMaxCpus};
  for (const CpuId cpu : candidates) {
    if (!cpu_is_idle(cpu)) continue;
    if ((a.sd.flags & kSdShareCapacity) != 0 || core_is_idle(cpu)) return cpu == a.dst;
    if (idle_thread.value == kMaxCpus) idle_thread = cpu;
  }
  if (idle_thread.value != kMaxCpus) return idle_thread == a.dst;
  return candidates.next(0) == a.dst;
}

bool should_balance(const Attempt& a) {
  if (!a.cpus.test(a.dst)) return false;
  if (a.who != Balancer::kNewlyIdle) return is_designated(a);
  const Rq& rq = cpu_rq(a.dst);
  return nr_running(rq) == 0 && rq.ttwu_pending.load(std::memory_order_relaxed) == 0;
}

void take_tasks(Attempt& a) NO_THREAD_SAFETY_ANALYSIS {
  rq_lock(*a.src);
  update_rq_clock(*a.src);
  detach_tasks(a);
  rq_unlock(*a.src);
}

/// From a.src to a.dst; what may not run there, but on another CPU of the group, goes there.
u32 move_tasks(Attempt& a) {
  a.only_pinned = true;
  a.some_pinned = false;
  u32 moved = 0;
  for (;;) {
    take_tasks(a);
    moved += a.nr_moved;
    attach_tasks(a);
    if (a.left.amount == 0 || a.other_dst.value == kMaxCpus || !a.cpus.test(a.other_dst)) return moved;
    a.cpus.clear(a.dst); // each turn one destination fewer
    a.dst = a.other_dst;
    a.other_dst = {kMaxCpus};
  }
}

void mark_parent(const Attempt& a, u32 imbalanced) {
  if (a.sd.parent == nullptr) return;
  std::atomic<u32>& flag = a.sd.parent->groups->imbalanced;
  if (flag.load(std::memory_order_relaxed) != imbalanced) flag.store(imbalanced, std::memory_order_relaxed);
}

enum class Why { kEven, kAllPinned };

/// Nothing to do here for now: look again later, and later still the next time.
u32 balanced(Attempt& a, Why why = Why::kEven) {
  a.counts().balanced.add();
  a.sd.nr_balance_failed = 0;
  if (why == Why::kEven) mark_parent(a, 0);
  if (a.who == Balancer::kNewlyIdle) return 0;
  if (a.sd.balance_interval_ms < a.sd.max_interval_ms ||
      (why == Why::kAllPinned && a.sd.balance_interval_ms < kMaxPinnedIntervalMs))
    a.sd.balance_interval_ms *= 2;
  return 0;
}

/// Nothing waits there that could be moved, again and again: the running task itself has to.
bool needs_push(const Attempt& a) {
  return a.left.unit == Imbalance::Unit::kTasks && a.who != Balancer::kBusy &&
         a.sd.nr_balance_failed > a.sd.cache_nice_tries + 2;
}

void count_imbalance(const Attempt& a) {
  BalanceCounts& n = a.counts();
  const u32 amount = static_cast<u32>(a.left.amount);
  switch (a.left.unit) {
  case Imbalance::Unit::kLoad:
    return n.imbalance_load.add(amount);
  case Imbalance::Unit::kUtil:
    return n.imbalance_util.add(amount);
  case Imbalance::Unit::kTasks:
    return n.imbalance_tasks.add(amount);
  }
}

void push_from(Attempt& a, CpuId cpu) NO_THREAD_SAFETY_ANALYSIS {
  rq_lock(*a.src);
  if (push_running_task(*a.src, cpu)) a.sd.nr_balance_failed = a.sd.cache_nice_tries + 1;
  rq_unlock(*a.src);
}

} // namespace

u32 balance_domain(CpuId cpu, SchedDomain& sd, Balancer who, GoOn& go_on) {
  Attempt a(cpu, sd, who);
  a.counts().attempts.add();
  u32 moved = 0;
  for (;;) {
    if (!should_balance(a)) {
      go_on = GoOn::kNo;
      // An idle CPU that is not the first in turn has not used its turn up: the first one may get work now.
      if (who != Balancer::kIdle) return balanced(a);
      a.counts().balanced.add();
      return 0;
    }
    const SchedGroup* busiest = nullptr;
    if (!find_busiest_group(a, busiest)) {
      a.counts().no_busiest_group.add();
      return balanced(a);
    }
    a.src = find_busiest_queue(a, *busiest);
    if (a.src == nullptr) {
      a.counts().no_busiest_queue.add();
      return balanced(a);
    }
    count_imbalance(a);
    if (nr_running(*a.src) <= 1) break;
    moved = move_tasks(a);
    a.dst = cpu;
    if (a.some_pinned && a.left.amount != 0) mark_parent(a, 1);
    if (moved != 0 || !a.only_pinned) break;
    a.cpus.clear(a.src->cpu); // nobody there may come: the next one. Each turn one source fewer
    if (sd.groups->cpus->contains(a.cpus)) return balanced(a, Why::kAllPinned);
  }
  if (moved != 0) {
    sd.nr_balance_failed = 0;
  } else {
    a.counts().failed.add();
    if (who != Balancer::kNewlyIdle) ++sd.nr_balance_failed;
    if (needs_push(a)) push_from(a, cpu);
  }
  sd.balance_interval_ms = sd.min_interval_ms;
  return moved;
}

} // namespace runnel::sched
