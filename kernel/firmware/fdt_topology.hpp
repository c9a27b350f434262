// SPDX-License-Identifier: Apache-2.0
// Packages, clusters, cores, threads and caches out of a device tree: the cpu-map node (socketN / clusterN /
// coreN / threadN, each leaf naming its CPU by phandle) and the chains of next-level-cache.
#pragma once

#include "kernel/firmware/fdt_node.hpp"

#include <arch/machine.hpp>

namespace runnel::firmware {

class FdtTopology {
 public:
  /// A node began / ended; `depth` counts the nodes that are open then.
  void enter(std::string_view name, u32 depth);
  void leave(u32 depth);
  /// The innermost open node, with all its properties.
  void look_at(const FdtNode& node);
  /// CPU `index` of the machine is described by `node`.
  void add_cpu(u32 index, const FdtNode& node);

  /// After the whole tree: the map may come before the CPUs it names. Writes package, cluster, core, thread,
  /// llc.
  void resolve(arch::MachineInfo& machine) const;

 private:
  static constexpr u32 kMaxCaches = 2 * kMaxCpus;
  struct Leaf {
    u32 phandle, package, cluster, core, thread;
  };
  struct Cpu {
    u32 phandle, next_cache;
  };
  struct Cache {
    u32 phandle, next;
  };
  const Leaf* leaf_of(u32 phandle) const;
  u32 outermost_cache(u32 phandle) const;

  Leaf leaves_[kMaxCpus] = {};
  Cpu cpus_[kMaxCpus] = {};
  Cache caches_[kMaxCaches] = {};
  u32 nr_leaves_ = 0, nr_caches_ = 0;
  u32 map_depth_ = 0;                                        // depth of cpu-map while inside, else 0
  u32 sockets_ = 0, clusters_ = 0, cores_ = 0, threads_ = 0; // begun so far; threads_ in this core
};

} // namespace runnel::firmware
