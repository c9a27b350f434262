// SPDX-License-Identifier: Apache-2.0
// Generated machines for the tests of the domain builder.
#pragma once

#include <algorithm>
#include <random>
#include <sched/machine_topology.hpp>
#include <vector>

namespace runnel::test {

/// A machine made from counts: nodes of packages of caches of clusters of cores of threads.
struct GeneratedMachine {
  u32 nodes = 1, packages = 1, caches = 1, clusters = 1, cores = 1, threads = 1; // each: of one of the former
  std::vector<sched::CpuPlace> places;
  std::vector<u8> distance;

  u32 count() const { return nodes * packages * caches * clusters * cores * threads; }

  /// CPUs in the order of the units, thread innermost.
  void place() {
    places.clear();
    for (u32 i = 0; i < count(); ++i) {
      const u32 core = i / threads;
      const u32 cluster = core / cores;
      const u32 cache = cluster / clusters;
      const u32 package = cache / caches;
      places.push_back({core, cluster, cache, package, package / packages});
    }
  }

  sched::MachineTopology describe() const { return {places, nodes, distance}; }
};

inline GeneratedMachine shaped(u32 nodes, u32 packages, u32 caches, u32 clusters, u32 cores, u32 threads) {
  GeneratedMachine m{nodes, packages, caches, clusters, cores, threads, {}, {}};
  m.place();
  return m;
}

enum class Kin { kFull, kRing, kMesh };

/// Distances: every node 20 from every other; a ring; two halves.
inline void set_distances(GeneratedMachine& m, Kin kin) {
  m.distance.assign(m.nodes * m.nodes, 0);
  for (u32 a = 0; a < m.nodes; ++a)
    for (u32 b = 0; b < m.nodes; ++b) {
      const u32 apart = a > b ? a - b : b - a;
      const u32 hops = kin == Kin::kFull   ? (apart != 0 ? 1 : 0)
                       : kin == Kin::kRing ? std::min(apart, m.nodes - apart)
                       : apart == 0        ? 0u
                                           : (a / 2 == b / 2 ? 1u : 2u);
      m.distance[a * m.nodes + b] = static_cast<u8>(10 + hops * 10 + (hops > 1 ? 2 : 0));
    }
}

inline GeneratedMachine random_machine(std::mt19937_64& random) {
  const auto draw = [&](u32 most) { return static_cast<u32>(random() % most + 1); };
  GeneratedMachine m;
  do {
    m.nodes = random() % 2 == 0 ? 1 : draw(8);
    m.packages = random() % 3 == 0 ? draw(3) : 1;
    m.caches = draw(4);
    m.clusters = random() % 2 == 0 ? 1 : draw(3);
    m.cores = draw(8);
    m.threads = draw(4);
  } while (m.count() > 300);
  m.place();
  std::ranges::shuffle(m.places, random); // CPU numbers tell nothing
  if (m.nodes > 1 && random() % 4 != 0) set_distances(m, static_cast<Kin>(random() % 3));
  return m;
}

} // namespace runnel::test
