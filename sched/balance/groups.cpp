// SPDX-License-Identifier: Apache-2.0
#include "sched/balance/groups.hpp"

#include <algorithm>

namespace runnel::sched {
namespace {

using Unit = Imbalance::Unit;

constexpr Imbalance kBalanced{};

u64 less(u64 a, u64 b) { return a > b ? a - b : 0; }

/// Tasks by which the busiest group has more than its share; groups of unequal size by tasks per CPU.
u64 sibling_imbalance(const GroupStats& local, const GroupStats& busiest) {
  if (local.weight == busiest.weight) return less(busiest.nr_running, local.nr_running);
  const u64 here = u64{local.weight} * busiest.nr_running;
  const u64 there = u64{busiest.weight} * local.nr_running;
  const u64 imbalance = 2 * less(here, there) / (local.weight + busiest.weight);
  return imbalance <= 1 && local.nr_running == 0 && busiest.nr_running > 1 ? 2 : imbalance;
}

/// The local group could take more: how much.
Imbalance fill_spare(const DomainStats& domain, const GroupStats& local, const GroupStats& busiest,
                     Balancer who) {
  if (busiest.kind == GroupClass::kOverloaded && (domain.flags & kSdShareLlc) == 0) {
    const u64 room = less(local.capacity, local.util);
    return room == 0 && who != Balancer::kBusy ? Imbalance{Unit::kTasks, 1} : Imbalance{Unit::kUtil, room};
  }
  u64 tasks = busiest.weight == 1 || domain.prefers_siblings ? sibling_imbalance(local, busiest)
                                                             : less(local.idle_cpus, busiest.idle_cpus);
  if ((domain.flags & kSdNuma) != 0) tasks = numa_imbalance(tasks, local.nr_running + 1, domain.imb_numa_nr);
  return {Unit::kTasks, tasks / 2};
}

Imbalance amount(const DomainStats& domain, const GroupStats& local, const GroupStats& busiest,
                 Balancer who) {
  if (busiest.kind == GroupClass::kImbalanced) return {Unit::kTasks, 1};
  if (local.kind == GroupClass::kHasSpare) return fill_spare(domain, local, busiest, who);
  // Nobody has room: both shall approach the mean of the domain.
  const u64 mean = domain.capacity != 0 ? domain.load * kCapacityScale / domain.capacity : 0;
  const u64 here = local.load_per_capacity();
  const u64 there = busiest.load_per_capacity();
  if (here >= there || here >= mean) return kBalanced;
  return {Unit::kLoad,
          std::min(less(there, mean) * busiest.capacity, (mean - here) * local.capacity) / kCapacityScale};
}

} // namespace

GroupClass classify(const GroupStats& g, u32 pct) {
  const bool util_full = g.capacity * 100 < g.util * pct;
  const bool waiting = g.capacity * pct < g.runnable * 100;
  if (g.nr_running > g.weight && (util_full || waiting)) return GroupClass::kOverloaded;
  if (g.affinity_kept) return GroupClass::kImbalanced;
  if (g.nr_running < g.weight || (!waiting && g.capacity * 100 > g.util * pct)) return GroupClass::kHasSpare;
  return GroupClass::kFullyBusy;
}

bool is_busier(const GroupStats& group, const GroupStats& other) {
  if (group.nr_fair == 0) return false;
  if (group.kind != other.kind || other.nr_fair == 0) return other.nr_fair == 0 || group.kind > other.kind;
  if (group.kind != GroupClass::kHasSpare) return group.load_per_capacity() > other.load_per_capacity();
  if (group.idle_cpus != other.idle_cpus) return group.idle_cpus < other.idle_cpus;
  return group.nr_running > other.nr_running;
}

Imbalance find_imbalance(const DomainStats& domain, const GroupStats& local, const GroupStats& busiest,
                         Balancer who) {
  if (busiest.nr_fair == 0) return kBalanced;
  if (busiest.kind == GroupClass::kImbalanced) return amount(domain, local, busiest, who);
  if (local.kind > busiest.kind) return kBalanced;
  // What waits in the local group may not come to this idle CPU of it; what waits elsewhere perhaps may.
  if (local.kind == GroupClass::kOverloaded && local.affinity_kept && who != Balancer::kBusy)
    return {Unit::kTasks, 1};
  if (local.kind == GroupClass::kOverloaded) {
    const u64 mean = domain.capacity != 0 ? domain.load * kCapacityScale / domain.capacity : 0;
    const u64 here = local.load_per_capacity();
    const u64 there = busiest.load_per_capacity();
    if (here >= there || here >= mean || 100 * there <= domain.imbalance_pct * here) return kBalanced;
    return amount(domain, local, busiest, who);
  }
  const bool siblings_uneven = domain.prefers_siblings && local.kind == GroupClass::kHasSpare &&
                               who != Balancer::kBusy && sibling_imbalance(local, busiest) > 1;
  if (busiest.kind != GroupClass::kOverloaded && !siblings_uneven) {
    if (who == Balancer::kBusy) return kBalanced; // an idle CPU shall come for it
    // A difference of one would only move the imbalance elsewhere.
    if (busiest.weight > 1 && local.idle_cpus <= busiest.idle_cpus + 1) return kBalanced;
    if (busiest.nr_fair == 1) return kBalanced; // nobody waits
  }
  return amount(domain, local, busiest, who);
}

u64 numa_imbalance(u64 imbalance, u32 dst_running, u32 allowance) {
  constexpr u64 kIgnored = 2;
  return dst_running <= allowance && imbalance <= kIgnored ? 0 : imbalance;
}

u32 idle_scan_depth(u64 sum_util, u32 llc_weight, u32 pct) {
  const u64 x = sum_util / llc_weight;
  const u64 used = std::min<u64>(x * x * pct * pct / (u64{10'000} * kCapacityScale), kCapacityScale);
  return static_cast<u32>((kCapacityScale - used) * llc_weight / kCapacityScale);
}

} // namespace runnel::sched
