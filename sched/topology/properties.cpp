// SPDX-License-Identifier: Apache-2.0
#include "sched/topology/properties.hpp"

#include "sched/topology/builder.hpp"

namespace runnel::sched {
namespace {

constexpr u32 kCommon = kSdNewidle | kSdExec | kSdFork | kSdWakeAffine | kSdPreferSibling;

u32 level_flags(DomainLevel level, u8 distance) {
  switch (level) {
  case DomainLevel::kSmt:
    return kCommon | kSdShareCapacity | kSdShareLlc;
  case DomainLevel::kCluster:
    return kCommon | kSdShareCluster | kSdShareLlc;
  case DomainLevel::kMc:
    return kCommon | kSdShareLlc;
  case DomainLevel::kPkg:
  case DomainLevel::kNode:
    return kCommon;
  case DomainLevel::kNuma:
    break;
  }
  const u32 flags = (kCommon & ~kSdPreferSibling) | kSdSerialize | kSdNuma;
  return distance > kReclaimDistance ? flags & ~(kSdExec | kSdFork | kSdWakeAffine) : flags;
}

u32 level_nice_tries(DomainLevel level) {
  if (level == DomainLevel::kSmt) return 0;
  return level == DomainLevel::kNuma ? 2 : 1;
}

} // namespace

const char* to_string(DomainLevel level) {
  constexpr const char* kNames[] = {"SMT", "CLS", "MC", "PKG", "NODE", "NUMA"};
  return kNames[static_cast<u32>(level)];
}

SchedDomain domain_properties(DomainLevel level, u32 weight, u8 distance, Instant now) {
  SchedDomain sd;
  sd.level = level;
  sd.weight = weight;
  sd.flags = level_flags(level, distance);
  sd.imbalance_pct = level == DomainLevel::kSmt ? 110 : 117;
  sd.cache_nice_tries = level_nice_tries(level);
  sd.min_interval_ms = weight;
  sd.max_interval_ms = 2 * weight;
  sd.balance_interval_ms = weight;
  sd.last_balance = sd.newidle_stamp = sd.last_cost_decay = now;
  return sd;
}

} // namespace runnel::sched
