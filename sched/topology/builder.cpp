// SPDX-License-Identifier: Apache-2.0
#include "sched/topology/builder.hpp"

#include "sched/topology/properties.hpp"

#include <algorithm>

namespace runnel::sched {
namespace {

constexpr DomainLevel kUnitLevels[] = {DomainLevel::kSmt, DomainLevel::kCluster, DomainLevel::kMc,
                                       DomainLevel::kPkg, DomainLevel::kNode};
static_assert(std::size(kUnitLevels) == Units::kLevels);

/// Makes `group` the last of the ring that begins with `first`; the first one is its own ring.
void append(SchedGroup*& first, SchedGroup*& last, SchedGroup* group) {
  if (first == nullptr) first = last = group;
  last->next = group;
  group->next = first;
  last = group;
}

} // namespace

Result<> DomainBuilder::build(const MachineTopology& machine, const CpuMask& partition, Instant now) {
  clear();
  if (partition.empty() || !units_.read(machine) || !CpuMask::first(units_.nr_cpus()).contains(partition))
    return err(Errno::kINVAL);
  for (u32 max_levels = kMaxNumaLevels;; --max_levels) {
    clear();
    report_.units = units_.report();
    partition_ = partition;
    report_.distances_capped = max_levels != kMaxNumaLevels;
    if (build_levels(max_levels, now)) break;
    if (max_levels == 1) {
      clear();
      return err(Errno::kNOMEM);
    }
  }
  find_numa_allowances();
  for (const CpuId cpu : partition_) {
    set_numa_allowance(cpu);
    find_cache(cpu);
  }
  return {};
}

void DomainBuilder::clear() {
  arena_.reset();
  report_ = {};
  partition_ = {};
  domains_.fill({});
  top_.fill(nullptr);
  own_.fill(nullptr);
  for (LlcShared& record : records_) {
    record.ref.store(0, std::memory_order_relaxed);
    record.nr_busy_cpus.store(0, std::memory_order_relaxed);
    record.has_idle_cores.store(0, std::memory_order_relaxed);
    record.nr_idle_scan.store(0, std::memory_order_relaxed);
  }
}

bool DomainBuilder::build_levels(u32 max_numa_levels, Instant now) {
  for (const CpuId cpu : partition_) {
    CpuMask* own = arena_.make<CpuMask>();
    if (own == nullptr) return false;
    own->set(cpu);
    own_[cpu.value] = own;
    domains_[cpu.value].core = own;
  }
  for (const DomainLevel level : kUnitLevels)
    if (!build_unit_level(level, now)) return false;
  find_cpus_of_nodes();
  u8 distances[kMaxNumaLevels];
  const u32 levels = find_distances(distances, max_numa_levels);
  for (u32 i = 0; i < levels; ++i)
    if (!build_numa_level(distances[i], now)) return false;
  return true;
}

const CpuMask* DomainBuilder::top_span(CpuId cpu) {
  return top(cpu) != nullptr ? top(cpu)->span : own_[cpu.value];
}

bool DomainBuilder::build_unit_level(DomainLevel level, Instant now) {
  weight_.fill(0);
  for (const CpuId cpu : partition_) ++weight_[units_.leader(level, cpu.value)];
  for (const CpuId cpu : partition_) {
    u32& left = weight_[units_.leader(level, cpu.value)];
    if (left == 0) continue; // its unit is done
    const u32 members = left;
    left = 0;
    // As large as the level below: degenerate. That one has all its flags, so there is nothing to merge.
    if (members == top_weight(cpu)) continue;
    CpuMask* span = arena_.make<CpuMask>();
    if (span == nullptr) return false;
    for (const CpuId other : partition_)
      if (units_.leader(level, other.value) == units_.leader(level, cpu.value)) span->set(other);
    if (!build_unit(level, span, members, now)) return false;
  }
  return true;
}

bool DomainBuilder::build_unit(DomainLevel level, CpuMask* span, u32 weight, Instant now) {
  SchedGroup* first = nullptr;
  SchedGroup* last = nullptr;
  for (const CpuId cpu : *span) {
    const CpuMask* part = top_span(cpu);
    if (part->lowest() != cpu) {
      group_[cpu.value] = group_[part->lowest().value];
      continue;
    }
    SchedGroup* group = make_group(part, top(cpu) != nullptr ? top(cpu)->flags : 0);
    if (group == nullptr) return false;
    append(first, last, group);
    group_[cpu.value] = group;
  }
  SchedDomain like = domain_properties(level, weight, 0, now);
  like.span = span;
  for (const CpuId cpu : *span) {
    if (!add_domain(cpu, like, group_[cpu.value])) return false;
    if (level == DomainLevel::kSmt) domains_[cpu.value].core = span;
  }
  return true;
}

SchedGroup* DomainBuilder::make_group(const CpuMask* cpus, u32 flags) {
  SchedGroup* group = arena_.make<SchedGroup>();
  if (group == nullptr) return nullptr;
  group->cpus = group->balance_mask = cpus;
  group->weight = cpus->count();
  group->flags = flags;
  return group;
}

bool DomainBuilder::add_domain(CpuId cpu, const SchedDomain& like, SchedGroup* groups) {
  SchedDomain* sd = arena_.make<SchedDomain>();
  if (sd == nullptr) return false;
  *sd = like;
  sd->groups = groups;
  sd->child = top(cpu);
  if (sd->child != nullptr)
    sd->child->parent = sd;
  else
    domains_[cpu.value].lowest = sd;
  top_[cpu.value] = sd;
  return true;
}

/// The topmost domain within the cache; the record of the cache's first CPU serves all of it (spec 7.3).
void DomainBuilder::find_cache(CpuId cpu) {
  CpuDomains& place = domains_[cpu.value];
  place.llc_id = cpu;
  place.llc_weight = 1;
  for (SchedDomain* sd = place.lowest; sd != nullptr && (sd->flags & kSdShareLlc) != 0; sd = sd->parent)
    place.llc = sd;
  if (place.llc == nullptr) return;
  place.llc_id = place.llc->span->lowest();
  place.llc_weight = place.llc->weight;
  LlcShared& record = records_[place.llc_id.value];
  place.llc->shared = &record;
  if (record.ref.fetch_add(1, std::memory_order_relaxed) != 0) return;
  ++report_.records_claimed;
  record.nr_busy_cpus.store(place.llc_weight, std::memory_order_relaxed);
  record.nr_idle_scan.store(place.llc_weight, std::memory_order_relaxed);
}

} // namespace runnel::sched
