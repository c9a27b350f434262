// SPDX-License-Identifier: Apache-2.0
// Where every CPU sits, as the ground tells the scheduler (spec 7.1). Plain data; nothing is kept of it after
// the domains are built.
#pragma once

#include "kernel/lib/types.hpp"

#include <span>

namespace runnel::sched {

inline constexpr u32 kMaxTopologyNodes = 64;
inline constexpr u8 kLocalDistance = 10;

/// Numbers count over the whole machine: two CPUs with one core number are threads of one core, and so on.
struct CpuPlace {
  u32 core = 0;
  u32 cluster = 0; // equal to the package's (or the cache's) members where there are no clusters
  u32 llc = 0;     // last-level cache
  u32 package = 0;
  u32 node = 0; // NUMA node, below nr_nodes
};

struct MachineTopology {
  std::span<const CpuPlace> cpus; // by CpuId; at most kMaxCpus
  u32 nr_nodes = 1;
  /// distance[from * nr_nodes + to]; 10 is local. Empty or all 0: not told, then every other node is 20 away.
  std::span<const u8> distance;
};

} // namespace runnel::sched
