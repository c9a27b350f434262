// SPDX-License-Identifier: Apache-2.0
// Makes scheduling domains out of a description of the machine (spec 7.2, 7.3). Pure: no globals, no locks,
// no clock; memory comes from an arena that the caller gives.
#pragma once

#include "kernel/lib/errno.hpp"
#include "sched/topology/arena.hpp"
#include "sched/topology/units.hpp"

namespace runnel::sched {

/// Distances above this one are far: no exec, fork or affine wake-up across them.
inline constexpr u8 kReclaimDistance = 30;
/// Distinct remote distances that get a domain each; what is farther shares the last one.
inline constexpr u32 kMaxNumaLevels = 6;

/// What a set of domains may take; shapes with more far distances than fit lose some of them.
inline constexpr u64 kDomainMemory = u64{kMaxCpus} * 3072 + 65536;

struct BuildReport {
  UnitReport units;
  bool distances_capped = false; // more distances than levels, or than memory holds
  u32 records_claimed = 0;       // shared records in use: one for each cache with several CPUs
};

/// One set of domains; building again throws away the one before.
class DomainBuilder {
 public:
  explicit constexpr DomainBuilder(std::span<std::byte> memory) : arena_(memory) {}

  /// Domains for the CPUs of `partition`. `now` starts their intervals. Errors: kNOMEM, the arena is too
  /// small; kINVAL, no CPU, a CPU that is not described, more CPUs or nodes than there can be. Then there are
  /// no domains.
  Result<> build(const MachineTopology& machine, const CpuMask& partition, Instant now);

  const CpuDomains& of(CpuId cpu) const { return domains_[cpu.value]; }
  /// The record a CPU would have if it claimed it: in use with ref != 0.
  const LlcShared& record(CpuId cpu) const { return records_[cpu.value]; }
  const CpuMask& partition() const { return partition_; }
  const BuildReport& report() const { return report_; }
  u64 bytes_used() const { return arena_.used(); }

 private:
  using Spans = std::array<const CpuMask*, kMaxCpus>;

  void clear();
  void find_cpus_of_nodes();
  u32 find_distances(u8 (&distances)[kMaxNumaLevels], u32 max_levels);
  bool build_levels(u32 max_numa_levels, Instant now);
  bool build_unit_level(DomainLevel level, Instant now);
  bool build_unit(DomainLevel level, CpuMask* span, u32 weight, Instant now);
  bool build_numa_level(u8 distance, Instant now);
  bool build_numa_node(const CpuMask& cpus, const CpuMask* span, u8 distance, Instant now);
  SchedGroup* make_group(const CpuMask* cpus, u32 flags);
  SchedGroup* make_numa_group(CpuId cpu, const CpuMask& span);
  bool add_domain(CpuId cpu, const SchedDomain& like, SchedGroup* groups);
  const CpuMask* top_span(CpuId cpu);
  u32 top_weight(CpuId cpu) const { return top(cpu) != nullptr ? top(cpu)->weight : 1; }
  SchedDomain* top(CpuId cpu) const { return top_[cpu.value]; }
  void find_numa_allowances();
  void set_numa_allowance(CpuId cpu);
  void find_cache(CpuId cpu);

  Arena arena_;
  BuildReport report_;
  CpuMask partition_;
  std::array<CpuDomains, kMaxCpus> domains_{};
  std::array<LlcShared, kMaxCpus> records_{};

  // Scratch of one build.
  Units units_;
  CpuMask node_cpus_[kMaxTopologyNodes]; // in the partition
  u32 node_allowance_[kMaxTopologyNodes] = {};
  std::array<u32, kMaxCpus> weight_{};        // of the units of the level being built, by leader
  std::array<SchedDomain*, kMaxCpus> top_{};  // highest domain so far
  std::array<SchedDomain*, kMaxCpus> next_{}; // of the NUMA level being built
  Spans own_{};                               // a set of just this CPU, once it is needed
  std::array<SchedGroup*, kMaxCpus> group_{}; // of the level being built
};

} // namespace runnel::sched
