// SPDX-License-Identifier: Apache-2.0
// A machine's CPUs sorted into cores, clusters, caches, packages and nodes that lie properly inside each
// other, whatever the description says (spec 7.2). Pure.
#pragma once

#include <array>
#include <sched/domain.hpp>
#include <sched/machine_topology.hpp>

namespace runnel::sched {

/// What was wrong with a description and what became of it.
struct UnitReport {
  u32 cut_at_nodes = 0;       // CPUs whose core, cache or package reaches over nodes: each node has its part
  u32 merged = 0;             // CPUs whose smaller unit reached over two larger ones: these became one
  u32 bad_nodes = 0;          // CPUs with a node that does not exist: put on node 0
  bool bad_distances = false; // asymmetric or below 10: everything is one node
};

/// The units of each CPU. A unit goes by its lowest CPU.
class Units {
 public:
  static constexpr u32 kLevels = 5; // kSmt .. kNode
  using Leaders = std::array<u32, kMaxCpus>;

  /// False: no CPU, or more CPUs or nodes than there can be.
  bool read(const MachineTopology& machine);

  u32 nr_cpus() const { return nr_cpus_; }
  u32 nr_nodes() const { return nr_nodes_; }
  u32 node_of(u32 cpu) const { return node_[cpu]; }
  u32 leader(DomainLevel level, u32 cpu) const { return leader_[static_cast<u32>(level)][cpu]; }
  u8 distance(u32 from, u32 to) const { return distance_[from][to]; }
  const UnitReport& report() const { return report_; }

 private:
  void read_nodes(const MachineTopology& machine);
  void read_distances(const MachineTopology& machine);
  void find_cores_to_nodes(const MachineTopology& machine);
  void forget_useless_clusters(const MachineTopology& machine);
  void unite(Leaders& leaders, u32 CpuPlace::* number, const MachineTopology& machine);
  Leaders& level(DomainLevel l) { return leader_[static_cast<u32>(l)]; }

  u32 nr_cpus_ = 0;
  u32 nr_nodes_ = 0;
  UnitReport report_;
  std::array<u32, kMaxCpus> node_{};
  std::array<Leaders, kLevels> leader_{};
  std::array<bool, kMaxCpus> cluster_counts_{}; // by leader: part of one cache
  u8 distance_[kMaxTopologyNodes][kMaxTopologyNodes] = {};
};

} // namespace runnel::sched
