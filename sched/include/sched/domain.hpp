// SPDX-License-Identifier: Apache-2.0
// Scheduling domains (spec 7.2): for every CPU a chain of ever larger sets of CPUs it balances with, each cut
// into groups. Built by sched/topology, read under port::RcuReadGuard or with interrupts off.
#pragma once

#include "kernel/lib/cpumask.hpp"

#include <atomic>
#include <sched/schedstat.hpp>

namespace runnel::sched {

inline constexpr u64 kCapacityScale = 1024; // capacity of a whole CPU

/// What is done in a domain, and what its CPUs share.
enum DomainFlag : u32 {
  kSdNewidle = 1 << 0,       // a CPU about to idle looks for work here
  kSdExec = 1 << 1,          // exec looks for an idle CPU here
  kSdFork = 1 << 2,          // fork as well
  kSdWakeAffine = 1 << 3,    // a wake-up may move a task to its waker here
  kSdShareCapacity = 1 << 4, // threads of a core
  kSdShareCluster = 1 << 5,
  kSdShareLlc = 1 << 6,      // one last-level cache
  kSdPreferSibling = 1 << 7, // spread over the child domains rather than fill one
  kSdSerialize = 1 << 8,     // one CPU of the machine balances here at a time
  kSdNuma = 1 << 9,
};

enum class DomainLevel : u8 { kSmt, kCluster, kMc, kPkg, kNode, kNuma };
const char* to_string(DomainLevel level);

/// What the CPUs of one last-level cache tell each other (spec 7.3). Hints: relaxed, any context.
struct LlcShared {
  std::atomic<u32> ref{0};            // domains that point here: one for each CPU of the cache
  std::atomic<u32> nr_busy_cpus{0};   // not in tickless idle
  std::atomic<u32> has_idle_cores{0}; // some core has all its threads idle
  std::atomic<u32> nr_idle_scan{0};   // how many CPUs an idle search may look at, less one; 0: none
};

/// CPUs that one balancing decision treats as one. The groups of a domain form a ring; a non-NUMA domain's
/// are disjoint, a NUMA domain's may overlap.
struct SchedGroup {
  SchedGroup* next = nullptr;
  const CpuMask* cpus = nullptr;
  const CpuMask* balance_mask = nullptr; // of cpus, those that may balance for the group
  u32 weight = 0;                        // CPUs
  u32 flags = 0;                         // of the child domain the group was made from; 0: a single CPU
  std::atomic<u32> imbalanced{0};        // affinity kept a lower domain from moving tasks here
};

struct SchedDomain {
  SchedDomain* parent = nullptr;
  SchedDomain* child = nullptr;
  SchedGroup* groups = nullptr; // this CPU's own first
  const CpuMask* span = nullptr;
  LlcShared* shared = nullptr; // of the topmost domain within the cache, else nullptr
  u32 weight = 0;              // CPUs of the span that are in the partition
  u32 flags = 0;
  DomainLevel level = DomainLevel::kSmt;
  u32 imbalance_pct = 117; // a group counts as busier from this many percent of ours on
  u32 cache_nice_tries = 0;
  u32 imb_numa_nr = 0; // tasks a NUMA node may run before its load is evened out (spec 7.3)
  u32 min_interval_ms = 0;
  u32 max_interval_ms = 0;
  u32 busy_factor = 16;

  // This CPU's balancing, changed by it alone.
  Instant last_balance;
  u32 balance_interval_ms = 0;
  u32 nr_balance_failed = 0;
  u32 newidle_call = 512;
  u32 newidle_success = 256;
  u32 newidle_ratio = 512;
  Instant newidle_stamp;
  Duration max_newidle_cost;
  Instant last_cost_decay;
  DomainCounts counts;
  bool tickless = false; // llc only: not counted in shared->nr_busy_cpus
};

/// One CPU's place in the domains. A CPU outside the partition has no domain.
struct CpuDomains {
  SchedDomain* lowest = nullptr;
  SchedDomain* llc = nullptr;    // topmost within the last-level cache; nullptr: the CPU is alone in it
  CpuId llc_id;                  // first CPU of the cache: equal numbers share it
  u32 llc_weight = 0;            // CPUs of it in the partition
  const CpuMask* core = nullptr; // the threads of its core in the partition, itself included
};

} // namespace runnel::sched
