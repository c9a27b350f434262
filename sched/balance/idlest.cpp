// SPDX-License-Identifier: Apache-2.0
#include "sched/balance/idlest.hpp"

#include "sched/balance/groups.hpp"
#include "sched/balance/idle_search.hpp"
#include "sched/balance/load.hpp"

namespace runnel::sched {
namespace {

constexpr CpuId kNobody{kMaxCpus};

/// Only CPUs `p` may use count, itself not: a running task that calls exec takes its load along.
GroupStats look_at(const SchedGroup& group, const Task& p, u32 imbalance_pct) {
  GroupStats s;
  for (const CpuId cpu : *group.cpus&* p.cpus_ptr& port::active_cpus()) {
    const Rq& rq = cpu_rq(cpu);
    const CpuLoad load = cpu_load(cpu);
    const u32 self = p.is_queued() && p.task_cpu() == cpu ? 1 : 0;
    const u32 running =
        rq.nr_running_hint.load(std::memory_order_relaxed) + rq.ttwu_pending.load(std::memory_order_relaxed);
    ++s.weight;
    s.nr_running += running - (running != 0 ? self : 0);
    s.load += load.load;
    s.runnable += load.runnable;
    s.util += load.util;
    s.capacity += kCapacityScale;
    if (is_free_for(p, cpu) || (self != 0 && running == 1)) ++s.idle_cpus;
  }
  s.kind = classify(s, imbalance_pct);
  return s;
}

bool has_more_room(const GroupStats& group, const GroupStats& than) {
  if (group.kind != than.kind) return group.kind < than.kind;
  if (group.kind != GroupClass::kHasSpare) return group.load_per_capacity() < than.load_per_capacity();
  if (group.idle_cpus != than.idle_cpus) return group.idle_cpus > than.idle_cpus;
  return group.util < than.util;
}

/// Is the local group as good a place? Leaving it costs, so in doubt it is.
bool local_will_do(const SchedDomain& sd, const GroupStats& local, const GroupStats& idlest) {
  if (local.weight == 0) return false;
  if (local.kind != idlest.kind) return local.kind < idlest.kind;
  const bool numa = (sd.flags & kSdNuma) != 0;
  if (local.kind == GroupClass::kHasSpare) {
    const u32 more = idlest.idle_cpus > local.idle_cpus ? idlest.idle_cpus - local.idle_cpus : 0;
    if (numa && numa_imbalance(more, local.nr_running + 1, sd.imb_numa_nr) == 0) return true;
    return more == 0;
  }
  const u64 here = local.load_per_capacity();
  const u64 there = idlest.load_per_capacity();
  // A new task has nothing in a cache yet; its parent's memory is what a remote node would cost.
  const u64 margin = numa ? kCapacityScale * (sd.imbalance_pct - 100) / 100 : 0;
  return there + margin >= here;
}

/// nullptr: the local group.
const SchedGroup* find_idlest_group(const SchedDomain& sd, const Task& p) {
  const GroupStats local = look_at(*sd.groups, p, sd.imbalance_pct);
  GroupStats best;
  const SchedGroup* idlest = nullptr;
  for (const SchedGroup* group = sd.groups->next; group != sd.groups; group = group->next) {
    const GroupStats s = look_at(*group, p, sd.imbalance_pct);
    if (s.weight == 0 || (idlest != nullptr && !has_more_room(s, best))) continue;
    best = s;
    idlest = group;
  }
  return idlest == nullptr || local_will_do(sd, local, best) ? nullptr : idlest;
}

/// An idle CPU of the group, the one that became so last (its cache is warmest to whoever shares it, and
/// others may sleep deeper); else the one with the least load.
CpuId find_idlest_in_group(const SchedGroup& group, const Task& p) {
  CpuId idle = kNobody, least = kNobody;
  Instant latest;
  u64 load = ~u64{0};
  for (const CpuId cpu : *group.cpus&* p.cpus_ptr& port::active_cpus()) {
    if (cpu_is_idle(cpu)) {
      const Instant since{cpu_rq(cpu).balance.idle_since.load(std::memory_order_relaxed)};
      if (idle == kNobody || since.is_after(latest)) {
        idle = cpu;
        latest = since;
      }
    } else if (is_free_for(p, cpu)) {
      return cpu;
    } else if (const u64 now = cpu_load(cpu).load; now < load) {
      least = cpu;
      load = now;
    }
  }
  return idle != kNobody ? idle : least;
}

const SchedDomain* highest_with(CpuId cpu, u32 flag, u32 weight_below) {
  const SchedDomain* highest = nullptr;
  for (const SchedDomain* sd = cpu_domains(cpu).lowest; sd != nullptr && sd->weight < weight_below;
       sd = sd->parent)
    if ((sd->flags & flag) != 0) highest = sd;
  return highest;
}

} // namespace

CpuId find_idlest_cpu(const Task& p, CpuId here, u32 flag) {
  CpuId cpu = here;
  const SchedDomain* sd = highest_with(cpu, flag, ~u32{0});
  while (sd != nullptr) {
    const SchedGroup* group = (sd->flags & flag) != 0 ? find_idlest_group(*sd, p) : nullptr;
    const CpuId best = group != nullptr ? find_idlest_in_group(*group, p) : kNobody;
    if (best == kNobody || best == cpu) {
      sd = sd->child;
      continue;
    }
    cpu = best; // go on below, in its own domains
    sd = highest_with(cpu, flag, sd->weight);
  }
  return cpu;
}

} // namespace runnel::sched
