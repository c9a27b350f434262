// SPDX-License-Identifier: Apache-2.0
// How busy groups of CPUs are, which one is busiest, and how much should move (spec 3.12). Pure: numbers in,
// decisions out.
#pragma once

#include <sched/domain.hpp>

namespace runnel::sched {

/// What balances: a CPU with work, an idle one, one that is about to idle.
enum class Balancer { kBusy, kIdle, kNewlyIdle };

/// Ours: 4 classes, the busier the later.
enum class GroupClass : u8 {
  kHasSpare,   // more tasks would find a CPU
  kFullyBusy,  // no CPU to spare, and nobody waits much
  kImbalanced, // affinity kept a lower domain from evening out
  kOverloaded, // more tasks than the CPUs can serve
};

struct GroupStats {
  u32 weight = 0; // CPUs
  u32 nr_running = 0;
  u32 nr_fair = 0; // runnable fair tasks
  u32 idle_cpus = 0;
  u64 load = 0;
  u64 runnable = 0;
  u64 util = 0;
  u64 capacity = 0;
  bool affinity_kept = false;
  GroupClass kind = GroupClass::kHasSpare;

  u64 load_per_capacity() const { return capacity != 0 ? load * kCapacityScale / capacity : 0; }
};

GroupClass classify(const GroupStats& group, u32 imbalance_pct);

/// `group` should rather be relieved than `other`.
bool is_busier(const GroupStats& group, const GroupStats& other);

struct DomainStats {
  u32 flags = 0;
  u32 imbalance_pct = 117;
  u32 imb_numa_nr = 0;
  bool prefers_siblings = false; // of the child domain: spread over the groups rather than fill one
  u64 load = 0;                  // of all groups
  u64 capacity = 0;
};

/// What to move from the busiest group to the local one.
struct Imbalance {
  enum class Unit { kTasks, kUtil, kLoad };
  Unit unit = Unit::kTasks;
  u64 amount = 0; // 0: nothing
};
Imbalance find_imbalance(const DomainStats& domain, const GroupStats& local, const GroupStats& busiest,
                         Balancer who);

/// Spec 7.3: what is left of an imbalance between NUMA nodes; up to 2 tasks are ignored while the destination
/// would run no more than the allowance.
u64 numa_imbalance(u64 imbalance, u32 dst_running, u32 allowance);

/// Spec 3.12: how many CPUs of a cache an idle search may look at, by how busy it is (SIS_UTIL).
u32 idle_scan_depth(u64 sum_util, u32 llc_weight, u32 imbalance_pct);

} // namespace runnel::sched
