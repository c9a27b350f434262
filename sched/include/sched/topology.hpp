// SPDX-License-Identifier: Apache-2.0
// Who shares what with whom (spec 7): root domain, scheduling domains. Owned by sched/topology.
#pragma once

#include "kernel/lib/cpumask.hpp"

#include <atomic>
#include <sched/cpudl.hpp>
#include <sched/cpupri.hpp>
#include <sched/dl_bw.hpp>

namespace runnel::sched {

struct SchedDomain;

/// CPUs among which tasks of the rt and deadline classes are balanced globally. There is one.
struct RootDomain {
  CpuMask span;
  AtomicCpuMask online;
  AtomicCpuMask rto_mask; // rt-overloaded CPUs (B10)
  std::atomic<u32> rto_count{0};
  AtomicCpuMask dlo_mask; // deadline-overloaded CPUs (B10)
  std::atomic<u32> dlo_count{0};
  std::atomic<u32> overloaded{0}; // some CPU has more than one runnable task
  CpuPri cpupri;
  CpuDl cpudl;
  DlBw dl_bw;
};

RootDomain& root_domain();

/// Both CPUs are under the same last-level cache. Any context.
bool cpus_share_cache(CpuId a, CpuId b);

} // namespace runnel::sched
