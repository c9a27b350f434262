// SPDX-License-Identifier: Apache-2.0
#include "sched/topology/units.hpp"

#include <algorithm>

namespace runnel::sched {
namespace {

using Leaders = Units::Leaders;

/// Union-find whose representative is the lowest member.
u32 find(Leaders& leaders, u32 cpu) {
  while (leaders[cpu] != cpu) cpu = leaders[cpu] = leaders[leaders[cpu]];
  return cpu;
}

void join(Leaders& leaders, u32 a, u32 b) {
  a = find(leaders, a);
  b = find(leaders, b);
  leaders[std::max(a, b)] = std::min(a, b);
}

} // namespace

bool Units::read(const MachineTopology& machine) {
  nr_cpus_ = static_cast<u32>(machine.cpus.size());
  nr_nodes_ = machine.nr_nodes;
  report_ = {};
  if (nr_cpus_ == 0 || machine.cpus.size() > kMaxCpus) return false;
  if (nr_nodes_ == 0 || nr_nodes_ > kMaxTopologyNodes) return false;
  read_distances(machine);
  read_nodes(machine);
  find_cores_to_nodes(machine);
  return true;
}

/// Spec 7.1: distances nobody can mean make the machine one node; distances nobody told are 10 and 20.
void Units::read_distances(const MachineTopology& machine) {
  const auto told = [&](u32 from, u32 to) -> u8 { return machine.distance[from * nr_nodes_ + to]; };
  const bool none = machine.distance.size() < u64{nr_nodes_} * nr_nodes_ ||
                    std::ranges::all_of(machine.distance, [](u8 d) { return d == 0; });
  for (u32 from = 0; from < nr_nodes_; ++from)
    for (u32 to = 0; to < nr_nodes_; ++to) {
      const u8 implied = from == to ? kLocalDistance : u8{2 * kLocalDistance};
      distance_[from][to] = none ? implied : told(from, to);
      if (none) continue;
      const bool local = told(from, to) == kLocalDistance;
      if (told(from, to) < kLocalDistance || told(from, to) != told(to, from) || (from == to && !local))
        report_.bad_distances = true;
    }
  if (!report_.bad_distances) return;
  nr_nodes_ = 1;
  distance_[0][0] = kLocalDistance;
}

void Units::read_nodes(const MachineTopology& machine) {
  for (u32 cpu = 0; cpu < nr_cpus_; ++cpu) {
    const u32 node = report_.bad_distances ? 0 : machine.cpus[cpu].node;
    node_[cpu] = node < nr_nodes_ ? node : 0;
    report_.bad_nodes += node < nr_nodes_ ? 0 : 1;
  }
}

/// Joins the CPUs that have the same number on the same node.
void Units::unite(Leaders& leaders, u32 CpuPlace::* number, const MachineTopology& machine) {
  for (u32 cpu = 0; cpu < nr_cpus_; ++cpu) {
    bool reaches_over_nodes = false;
    for (u32 other = cpu; other-- > 0;) { // downwards: neighbours mostly share
      if (machine.cpus[other].*number != machine.cpus[cpu].*number) continue;
      if (node_[other] != node_[cpu]) {
        reaches_over_nodes = true;
        continue;
      }
      join(leaders, cpu, other);
      break;
    }
    if (reaches_over_nodes) ++report_.cut_at_nodes;
  }
}

void Units::find_cores_to_nodes(const MachineTopology& machine) {
  struct Step {
    DomainLevel level;
    u32 CpuPlace::* number;
  };
  constexpr Step kSteps[] = {{DomainLevel::kSmt, &CpuPlace::core},
                             {DomainLevel::kMc, &CpuPlace::llc},
                             {DomainLevel::kPkg, &CpuPlace::package}};
  const Leaders* below = nullptr;
  for (const Step& step : kSteps) {
    Leaders& leaders = level(step.level);
    // A unit starts from the units inside it, so that it contains them whole.
    for (u32 cpu = 0; cpu < nr_cpus_; ++cpu) leaders[cpu] = below != nullptr ? (*below)[cpu] : cpu;
    for (u32 cpu = 0; cpu < nr_cpus_ && below != nullptr; ++cpu)
      if (machine.cpus[cpu].*step.number != machine.cpus[(*below)[cpu]].*step.number) ++report_.merged;
    unite(leaders, step.number, machine);
    for (u32 cpu = 0; cpu < nr_cpus_; ++cpu) leaders[cpu] = find(leaders, cpu);
    below = &leaders;
  }
  forget_useless_clusters(machine);

  Leaders& nodes = level(DomainLevel::kNode);
  u32 first[kMaxTopologyNodes];
  std::ranges::fill(first, kMaxCpus);
  for (u32 cpu = 0; cpu < nr_cpus_; ++cpu) {
    if (first[node_[cpu]] == kMaxCpus) first[node_[cpu]] = cpu;
    nodes[cpu] = first[node_[cpu]];
  }
}

/// A cluster is worth a level only if it is part of a cache, not all of it nor more: otherwise its CPUs have
/// their cores there.
void Units::forget_useless_clusters(const MachineTopology& machine) {
  Leaders& clusters = level(DomainLevel::kCluster);
  const Leaders& cores = level(DomainLevel::kSmt);
  const Leaders& caches = level(DomainLevel::kMc);
  clusters = cores;
  const UnitReport before = report_; // what reaches over nodes was counted with cores and caches
  unite(clusters, &CpuPlace::cluster, machine);
  report_ = before;
  for (u32 cpu = 0; cpu < nr_cpus_; ++cpu) clusters[cpu] = find(clusters, cpu);

  // Smaller than its cache: some CPU of the cache is in another cluster than the cache's first.
  cluster_counts_.fill(false);
  for (u32 cpu = 0; cpu < nr_cpus_; ++cpu)
    if (const u32 first = clusters[caches[cpu]]; first != clusters[cpu])
      cluster_counts_[first] = cluster_counts_[clusters[cpu]] = true;
  // Within one cache.
  for (u32 cpu = 0; cpu < nr_cpus_; ++cpu)
    if (caches[cpu] != caches[clusters[cpu]]) cluster_counts_[clusters[cpu]] = false;
  for (u32 cpu = 0; cpu < nr_cpus_; ++cpu)
    if (!cluster_counts_[clusters[cpu]]) clusters[cpu] = cores[cpu];
}

} // namespace runnel::sched
