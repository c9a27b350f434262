// SPDX-License-Identifier: Apache-2.0
// The levels above a node: one for each distance, their groups overlapping where the machine is not fully
// connected, and how much imbalance between nodes is not worth evening out (spec 7.2, 7.3).
#include "sched/topology/builder.hpp"
#include "sched/topology/properties.hpp"

#include <algorithm>

namespace runnel::sched {

void DomainBuilder::find_cpus_of_nodes() {
  std::ranges::fill(node_cpus_, CpuMask{});
  for (const CpuId cpu : partition_) node_cpus_[units_.node_of(cpu.value)].set(cpu);
}

/// The distances between nodes with CPUs, ascending. With more than `max_levels` the last one stands for all
/// farther ones.
u32 DomainBuilder::find_distances(u8 (&distances)[kMaxNumaLevels], u32 max_levels) {
  u32 count = 0;
  u8 last = kLocalDistance;
  for (;;) {
    u32 next = 256;
    for (u32 from = 0; from < units_.nr_nodes(); ++from)
      for (u32 to = 0; to < units_.nr_nodes(); ++to)
        if (const u8 d = units_.distance(from, to);
            d > last && d < next && !node_cpus_[from].empty() && !node_cpus_[to].empty())
          next = d;
    if (next == 256) return count;
    last = static_cast<u8>(next);
    if (count == max_levels)
      report_.distances_capped = true;
    else
      ++count;
    distances[count - 1] = last;
  }
}

bool DomainBuilder::build_numa_level(u8 distance, Instant now) {
  next_ = top_; // the groups are made of the level below, which stays visible until this one is whole
  for (u32 node = 0; node < units_.nr_nodes(); ++node) {
    if (node_cpus_[node].empty()) continue;
    CpuMask span;
    for (u32 other = 0; other < units_.nr_nodes(); ++other)
      if (units_.distance(node, other) <= distance) span = span | node_cpus_[other];
    if (span.count() == top_weight(node_cpus_[node].lowest())) continue; // degenerate
    CpuMask* kept = arena_.make<CpuMask>();
    if (kept == nullptr) return false;
    *kept = span;
    if (!build_numa_node(node_cpus_[node], kept, distance, now)) return false;
  }
  for (const CpuId cpu : partition_)
    if (SchedDomain* sd = next_[cpu.value]; sd != top(cpu)) {
      sd->child = top(cpu);
      if (sd->child != nullptr)
        sd->child->parent = sd;
      else
        domains_[cpu.value].lowest = sd;
    }
  top_ = next_;
  return true;
}

/// Domains of one node's CPUs. They see the same groups, their own first.
bool DomainBuilder::build_numa_node(const CpuMask& cpus, const CpuMask* span, u8 distance, Instant now) {
  SchedGroup* first = nullptr;
  SchedGroup* last = nullptr;
  CpuMask covered;
  const u32 start = cpus.lowest().value;
  for (u32 i = 0; i < kMaxCpus; ++i) {
    const CpuId cpu{(start + i) % kMaxCpus};
    if (!span->test(cpu) || covered.test(cpu)) continue;
    SchedGroup* group = make_numa_group(cpu, *span);
    if (group == nullptr) return false;
    covered = covered | *group->cpus;
    if (first == nullptr) first = last = group;
    last->next = group;
    group->next = first;
    last = group;
  }
  SchedDomain like = domain_properties(DomainLevel::kNuma, span->count(), distance, now);
  like.span = span;
  like.groups = first;
  for (const CpuId cpu : cpus) {
    SchedDomain* sd = arena_.make<SchedDomain>();
    if (sd == nullptr) return false;
    *sd = like;
    next_[cpu.value] = sd;
  }
  return true;
}

/// The group `cpu` brings along: the largest of its domains below this level that lies inside the span.
SchedGroup* DomainBuilder::make_numa_group(CpuId cpu, const CpuMask& span) {
  SchedDomain* sd = top(cpu);
  while (sd != nullptr && !span.contains(*sd->span)) sd = sd->child;
  SchedGroup* group = make_group(sd != nullptr ? sd->span : own_[cpu.value], sd != nullptr ? sd->flags : 0);
  CpuMask* entitled = arena_.make<CpuMask>();
  if (group == nullptr || entitled == nullptr) return nullptr;
  // A CPU of the group whose own group at this level is another one must not balance for this one.
  for (const CpuId member : *group->cpus)
    if (*top_span(member) == *group->cpus) entitled->set(member);
  if (!entitled->empty()) group->balance_mask = entitled;
  return group;
}

/// Spec 7.3, T03: of a node with one cache an eighth of its CPUs, of one with several as many tasks as it has
/// caches.
void DomainBuilder::find_numa_allowances() {
  for (u32 node = 0; node < units_.nr_nodes(); ++node) {
    u32 caches = 0;
    weight_.fill(0);
    for (const CpuId cpu : node_cpus_[node])
      if (weight_[units_.leader(DomainLevel::kMc, cpu.value)]++ == 0) ++caches;
    node_allowance_[node] = std::max(1u, caches == 1 ? node_cpus_[node].count() / 8 : caches);
  }
}

/// Higher NUMA levels allow more, in proportion to the first one.
void DomainBuilder::set_numa_allowance(CpuId cpu) {
  u32 first_weight = 0;
  for (SchedDomain* sd = domains_[cpu.value].lowest; sd != nullptr; sd = sd->parent) {
    if ((sd->flags & kSdNuma) == 0) continue;
    if (first_weight == 0) first_weight = sd->weight;
    sd->imb_numa_nr = node_allowance_[units_.node_of(cpu.value)] * std::max(1u, sd->weight / first_weight);
  }
}

} // namespace runnel::sched
