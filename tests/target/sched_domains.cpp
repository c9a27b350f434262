// SPDX-License-Identifier: Apache-2.0
// The domains in force, against what the firmware's tables say, CPU by CPU. Meaningful on machines with a
// shape: tests/e2e/topology.cpp starts some.
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/rcu.hpp"
#include "kernel/test/test.hpp"

#include <sched/rq.hpp>
#include <sched/topology.hpp>

namespace runnel {
namespace {

using sched::DomainLevel;
using sched::SchedDomain;

u8 distance_between(u32 from, u32 to) {
  const arch::MachineInfo& machine = machine_info();
  if (machine.node_distance[0][0] == 0) return from == to ? 10 : 20;
  return machine.node_distance[from][to];
}

/// The active CPUs that share with `cpu` what makes `level`; NUMA: that are not farther than `distance`.
CpuMask expected_span(u32 cpu, DomainLevel level, u8 distance) {
  const arch::MachineInfo& machine = machine_info();
  const arch::CpuDescription& own = machine.cpus[cpu];
  CpuMask span;
  for (const CpuId other : active_cpus()) {
    const arch::CpuDescription& them = machine.cpus[other.value];
    const bool same_node = own.node == them.node;
    const bool same = level == DomainLevel::kSmt       ? own.core == them.core && same_node
                      : level == DomainLevel::kCluster ? own.cluster == them.cluster && same_node
                      : level == DomainLevel::kMc      ? own.llc == them.llc && same_node
                      : level == DomainLevel::kPkg     ? own.package == them.package && same_node
                      : level == DomainLevel::kNode    ? same_node
                                                       : distance_between(own.node, them.node) <= distance;
    if (same) span.set(other);
  }
  return span;
}

/// Takes the next domain from `sd` if this level adds CPUs, and compares.
void expect_level(const SchedDomain*& sd, CpuMask& below, u32 cpu, DomainLevel level, u8 distance) {
  const CpuMask span = expected_span(cpu, level, distance);
  if (span == below) return;
  below = span;
  REQUIRE(sd != nullptr);
  CHECK(sd->level == level);
  CHECK(*sd->span == span);
  CHECK(sd->weight == span.count());
  sd = sd->parent;
}

void expect_domains(u32 cpu) {
  const SchedDomain* sd = sched::cpu_domains(CpuId{cpu}).lowest;
  CHECK(sd == sched::cpu_rq(CpuId{cpu}).sd);
  CpuMask below = CpuMask::of(CpuId{cpu});
  expect_level(sd, below, cpu, DomainLevel::kSmt, 0);
  const CpuMask cluster = expected_span(cpu, DomainLevel::kCluster, 0);
  if (const CpuMask cache = expected_span(cpu, DomainLevel::kMc, 0);
      cluster != cache && cache.contains(cluster))
    expect_level(sd, below, cpu, DomainLevel::kCluster, 0);
  expect_level(sd, below, cpu, DomainLevel::kMc, 0);
  expect_level(sd, below, cpu, DomainLevel::kPkg, 0);
  expect_level(sd, below, cpu, DomainLevel::kNode, 0);
  for (u32 distance = 11; distance < 256; ++distance)
    expect_level(sd, below, cpu, DomainLevel::kNuma, static_cast<u8>(distance));
  CHECK(sd == nullptr);
}

// T05, T02
RUNNEL_TEST(sched_domains, hold_whom_the_tables_put_together)
{
  const RcuReadGuard reading;
  for (const CpuId cpu : active_cpus()) expect_domains(cpu.value);
}

// T05
RUNNEL_TEST(sched_domains, groups_are_the_child_domains)
{
  const RcuReadGuard reading;
  for (const CpuId cpu : active_cpus())
    for (const SchedDomain* sd = sched::cpu_domains(cpu).lowest; sd != nullptr; sd = sd->parent) {
      CpuMask covered;
      const sched::SchedGroup* group = sd->groups;
      CHECK(*group->cpus == (sd->child != nullptr ? *sd->child->span : CpuMask::of(cpu)));
      do {
        CHECK(sd->span->contains(*group->cpus));
        if ((sd->flags & sched::kSdNuma) == 0) CHECK(!covered.intersects(*group->cpus));
        covered = covered | *group->cpus;
        group = group->next;
      } while (group != sd->groups);
      CHECK(covered == *sd->span);
    }
}

// T04
RUNNEL_TEST(sched_domains, cpus_of_one_cache_have_one_record)
{
  const RcuReadGuard reading;
  const arch::MachineInfo& machine = machine_info();
  for (const CpuId a : active_cpus())
    for (const CpuId b : active_cpus()) {
      const arch::CpuDescription& first = machine.cpus[a.value];
      const arch::CpuDescription& second = machine.cpus[b.value];
      const bool shares = first.llc == second.llc && first.node == second.node;
      CHECK(sched::cpus_share_cache(a, b) == shares);
      const SchedDomain* cache = sched::cpu_domains(a).llc;
      const SchedDomain* other = sched::cpu_domains(b).llc;
      if (cache == nullptr || other == nullptr) continue;
      CHECK((cache->shared == other->shared) == shares);
      CHECK(cache->shared->ref.load() == cache->weight);
    }
}

// T02, T04
RUNNEL_TEST(sched_domains, a_rebuild_gives_the_same_domains)
{
  for (u32 round = 0; round < 3; ++round) {
    REQUIRE(sched::sched_rebuild_domains());
    const RcuReadGuard reading;
    for (const CpuId cpu : active_cpus()) expect_domains(cpu.value);
  }
}

} // namespace
} // namespace runnel
