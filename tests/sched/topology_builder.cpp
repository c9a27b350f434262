// SPDX-License-Identifier: Apache-2.0
// The domain builder against what the description says, CPU by CPU, on generated machines (spec 7.2, 7.3).
#include "sched/topology/builder.hpp"
#include "tests/sched/topology_machines.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>

using namespace runnel;
using namespace runnel::sched;
using namespace runnel::test;

/// As CHECK. What holds is not written down: that costs more than to look, and reporters ask for it.
#define HOLDS(condition)                                                                                     \
  do {                                                                                                       \
    if (!(condition)) CHECK(condition);                                                                      \
  } while (false)

namespace {

constexpr Instant kNow{5'000'000'000};

alignas(64) std::byte memory[4 << 20];
DomainBuilder builder{memory};

using Cpus = std::set<u32>;

Cpus to_set(const CpuMask& mask) {
  Cpus set;
  for (const CpuId cpu : mask) set.insert(cpu.value);
  return set;
}

u8 distance_of(const GeneratedMachine& m, u32 a, u32 b) {
  if (m.distance.empty()) return a == b ? 10 : 20;
  return m.distance[a * m.nodes + b];
}

/// The members of the partition for which `same` holds.
template <typename Same> Cpus members(const GeneratedMachine& m, const CpuMask& partition, Same same) {
  Cpus set;
  for (u32 i = 0; i < m.places.size(); ++i)
    if (partition.test(CpuId{i}) && same(m.places[i])) set.insert(i);
  return set;
}

struct ExpectedDomain {
  std::string name;
  Cpus span;
  u32 flags;
  u8 distance;
};

/// One CPU's domains, straight from spec 7.2's words.
std::vector<ExpectedDomain> expected_domains(const GeneratedMachine& m, const CpuMask& partition, u32 cpu) {
  const CpuPlace own = m.places[cpu];
  const u32 common = kSdNewidle | kSdExec | kSdFork | kSdWakeAffine;
  const u32 near = common | kSdPreferSibling;
  std::vector<ExpectedDomain> all;
  all.push_back({"SMT", members(m, partition, [&](auto& p) { return p.core == own.core; }),
                 near | kSdShareCapacity | kSdShareLlc, 0});
  const bool clusters = m.clusters > 1; // one to a cache says nothing
  if (clusters)
    all.push_back({"CLS", members(m, partition, [&](auto& p) { return p.cluster == own.cluster; }),
                   near | kSdShareCluster | kSdShareLlc, 0});
  all.push_back(
      {"MC", members(m, partition, [&](auto& p) { return p.llc == own.llc; }), near | kSdShareLlc, 0});
  all.push_back({"PKG", members(m, partition, [&](auto& p) { return p.package == own.package; }), near, 0});
  all.push_back({"NODE", members(m, partition, [&](auto& p) { return p.node == own.node; }), near, 0});
  std::set<u8> distances;
  for (const CpuId a : partition)
    for (const CpuId b : partition)
      distances.insert(distance_of(m, m.places[a.value].node, m.places[b.value].node));
  distances.erase(10);
  for (const u8 d : distances) {
    const u32 flags = kSdNuma | kSdSerialize | (d > 30 ? u32{kSdNewidle} : common);
    all.push_back({"NUMA",
                   members(m, partition, [&](auto& p) { return distance_of(m, own.node, p.node) <= d; }),
                   flags, d});
  }
  std::vector<ExpectedDomain> kept;
  std::size_t size = 1;
  for (ExpectedDomain& domain : all)
    if (domain.span.size() != size) {
      size = domain.span.size();
      kept.push_back(std::move(domain));
    }
  return kept;
}

void check_properties(const SchedDomain& sd) {
  const bool smt = sd.level == DomainLevel::kSmt;
  CHECK(sd.weight == sd.span->count());
  CHECK(sd.min_interval_ms == sd.weight);
  CHECK(sd.max_interval_ms == 2 * sd.weight);
  CHECK(sd.balance_interval_ms == sd.weight);
  CHECK(sd.busy_factor == 16);
  CHECK(sd.imbalance_pct == (smt ? 110u : 117u));
  CHECK(sd.cache_nice_tries == (smt ? 0u : sd.level == DomainLevel::kNuma ? 2u : 1u));
  CHECK(sd.last_balance == kNow);
  CHECK((sd.newidle_call == 512 && sd.newidle_success == 256 && sd.newidle_ratio == 512));
}

/// Groups: child spans; a partition of the span, or (NUMA) a cover of it.
void check_groups(const SchedDomain& sd, u32 cpu) {
  REQUIRE(sd.groups != nullptr);
  const SchedGroup* group = sd.groups;
  HOLDS(group->cpus->test(CpuId{cpu}));
  HOLDS(*group->cpus == (sd.child != nullptr ? *sd.child->span : CpuMask::of(CpuId{cpu})));
  if ((sd.flags & kSdNuma) != 0) HOLDS(group->balance_mask->test(CpuId{cpu}));
  CpuMask covered;
  u32 total = 0;
  u32 steps = 0;
  do {
    HOLDS(sd.span->contains(*group->cpus));
    HOLDS(group->weight == group->cpus->count());
    HOLDS(group->weight < sd.weight);
    HOLDS(!group->balance_mask->empty());
    HOLDS(group->cpus->contains(*group->balance_mask));
    if ((sd.flags & kSdNuma) == 0) HOLDS(!covered.intersects(*group->cpus));
    bool whole = group->weight == 1; // made from a whole domain, or a single CPU
    for (const CpuId member : *group->cpus)
      for (const SchedDomain* d = builder.of(member).lowest; d != nullptr && !whole; d = d->parent)
        whole = *d->span == *group->cpus;
    HOLDS(whole);
    covered = covered | *group->cpus;
    total += group->weight;
    group = group->next;
    REQUIRE(++steps <= sd.weight);
  } while (group != sd.groups);
  HOLDS(steps >= 2);
  HOLDS(covered == *sd.span);
  if ((sd.flags & kSdNuma) == 0) HOLDS(total == sd.weight);
}

void check_nesting(const SchedDomain& sd, const CpuMask& partition, u32 cpu) {
  HOLDS(sd.span->test(CpuId{cpu}));
  HOLDS(partition.contains(*sd.span));
  if (sd.parent != nullptr) {
    HOLDS(sd.parent->child == &sd);
    HOLDS(sd.parent->span->contains(*sd.span));
    HOLDS(sd.parent->weight > sd.weight);
    HOLDS(sd.parent->level >= sd.level);
  }
  if ((sd.flags & kSdNuma) != 0) return;
  bool equal_or_disjoint = true;
  for (const CpuId other : partition)
    for (const SchedDomain* o = builder.of(other).lowest; o != nullptr; o = o->parent)
      if (o->level == sd.level && *o->span != *sd.span && o->span->intersects(*sd.span))
        equal_or_disjoint = false;
  HOLDS(equal_or_disjoint);
}

void check_cpu(const CpuMask& partition, u32 cpu) {
  const CpuDomains& domains = builder.of(CpuId{cpu});
  if (!partition.test(CpuId{cpu})) {
    HOLDS(domains.lowest == nullptr);
    HOLDS(domains.llc == nullptr);
    return;
  }
  if (domains.lowest != nullptr) HOLDS(domains.lowest->child == nullptr);
  for (const SchedDomain* sd = domains.lowest; sd != nullptr; sd = sd->parent) {
    check_nesting(*sd, partition, cpu);
    check_groups(*sd, cpu);
    check_properties(*sd);
  }
}

CpuMask random_partition(const GeneratedMachine& m, std::mt19937_64& random) {
  CpuMask partition;
  const u64 kind = random() % 4; // all; about half; a few; one
  for (u32 i = 0; i < m.count(); ++i)
    if (kind == 0 || (kind == 1 && random() % 2 == 0) || (kind == 2 && random() % 8 == 0))
      partition.set(CpuId{i});
  if (partition.empty()) partition.set(CpuId{static_cast<u32>(random() % m.count())});
  return partition;
}

} // namespace

TEST_CASE("topology: domains of 200 generated machines and partitions are what the description says",
          "[topology][T01][T02]") {
  std::mt19937_64 random(20261121);
  for (u32 n = 0; n < 200; ++n) {
    const GeneratedMachine m = random_machine(random);
    const CpuMask partition = random_partition(m, random);
    CAPTURE(n, m.nodes, m.packages, m.caches, m.clusters, m.cores, m.threads, partition.count());
    REQUIRE(builder.build(m.describe(), partition, kNow));
    HOLDS(builder.report().units.merged == 0);
    HOLDS(builder.report().units.cut_at_nodes == 0);
    for (u32 cpu = 0; cpu < m.count(); ++cpu) {
      check_cpu(partition, cpu);
      if (!partition.test(CpuId{cpu})) continue;
      const SchedDomain* sd = builder.of(CpuId{cpu}).lowest;
      for (const ExpectedDomain& want : expected_domains(m, partition, cpu)) {
        CAPTURE(cpu, want.name);
        REQUIRE(sd != nullptr);
        HOLDS(to_string(sd->level) == want.name);
        HOLDS(to_set(*sd->span) == want.span);
        HOLDS(sd->weight == want.span.size()); // T02
        HOLDS(sd->flags == want.flags);
        sd = sd->parent;
      }
      HOLDS(sd == nullptr);
      HOLDS(to_set(*builder.of(CpuId{cpu}).core) ==
            members(m, partition, [&](auto& p) { return p.core == m.places[cpu].core; }));
    }
  }
}

TEST_CASE("topology: descriptions that contradict themselves still give nested, disjoint domains",
          "[topology][T01]") {
  std::mt19937_64 random(7);
  for (u32 n = 0; n < 200; ++n) {
    GeneratedMachine m = random_machine(random);
    for (u32 damage = 0; damage < 1 + n % 5; ++damage) {
      CpuPlace& place = m.places[random() % m.count()];
      u32 CpuPlace::* const fields[] = {&CpuPlace::core, &CpuPlace::cluster, &CpuPlace::llc,
                                        &CpuPlace::package, &CpuPlace::node};
      place.*fields[random() % 5] = static_cast<u32>(random() % (m.count() + 1));
    }
    const CpuMask partition = random_partition(m, random);
    CAPTURE(n);
    REQUIRE(builder.build(m.describe(), partition, kNow));
    for (u32 cpu = 0; cpu < m.count(); ++cpu) check_cpu(partition, cpu);
  }
}

TEST_CASE("topology: what contradicts itself is repaired and reported", "[topology][T01]") {
  SECTION("threads of a core under two caches: the caches become one") {
    GeneratedMachine m = shaped(1, 1, 2, 1, 2, 2);
    m.places[4].core = m.places[3].core;
    REQUIRE(builder.build(m.describe(), CpuMask::first(8), kNow));
    CHECK(builder.report().units.merged > 0);
    CHECK(builder.of(CpuId{0}).llc->weight == 8);
  }
  SECTION("a cache over two nodes: each node has its part") {
    GeneratedMachine m = shaped(2, 1, 1, 1, 2, 1);
    for (CpuPlace& place : m.places) place.llc = place.package = 0;
    REQUIRE(builder.build(m.describe(), CpuMask::first(4), kNow));
    CHECK(builder.report().units.cut_at_nodes > 0);
    CHECK(to_set(*builder.of(CpuId{0}).llc->span) == Cpus{0, 1});
    CHECK(to_set(*builder.of(CpuId{0}).llc->parent->span) == Cpus{0, 1, 2, 3});
  }
  SECTION("distances that are asymmetric or below 10: one node") {
    for (const std::vector<u8>& distance :
         {std::vector<u8>{10, 20, 21, 10}, std::vector<u8>{10, 9, 9, 10}, std::vector<u8>{11, 20, 20, 11}}) {
      GeneratedMachine m = shaped(2, 1, 1, 1, 2, 1);
      m.distance = distance;
      REQUIRE(builder.build(m.describe(), CpuMask::first(4), kNow));
      CHECK(builder.report().units.bad_distances);
      for (const SchedDomain* sd = builder.of(CpuId{0}).lowest; sd != nullptr; sd = sd->parent)
        CHECK((sd->flags & kSdNuma) == 0);
    }
  }
  SECTION("more distances than levels: the last level holds every node") {
    GeneratedMachine m = shaped(12, 1, 1, 1, 2, 1);
    for (u32 a = 0; a < 12; ++a)
      for (u32 b = 0; b < 12; ++b) m.distance.push_back(static_cast<u8>(10 + 5 * (a > b ? a - b : b - a)));
    REQUIRE(builder.build(m.describe(), CpuMask::first(24), kNow));
    CHECK(builder.report().distances_capped);
    for (u32 cpu = 0; cpu < 24; ++cpu) {
      check_cpu(CpuMask::first(24), cpu);
      const SchedDomain* sd = builder.of(CpuId{cpu}).lowest;
      while (sd->parent != nullptr) sd = sd->parent;
      CHECK(sd->weight == 24);
    }
  }
}

TEST_CASE("topology: what cannot be built is refused and leaves no domains", "[topology][T01]") {
  const GeneratedMachine m = shaped(2, 2, 2, 1, 4, 2);
  alignas(64) static std::byte little[4096];
  static DomainBuilder small{little};
  CHECK(small.build(m.describe(), CpuMask::first(m.count()), kNow).error() == Errno::kNOMEM);
  CHECK(small.of(CpuId{0}).lowest == nullptr);
  CHECK(builder.build(m.describe(), CpuMask{}, kNow).error() == Errno::kINVAL);
  CHECK(builder.build(m.describe(), CpuMask::first(m.count() + 1), kNow).error() == Errno::kINVAL);
  CHECK(builder.build({{}, 1, {}}, CpuMask::first(1), kNow).error() == Errno::kINVAL);
  CHECK(builder.build({m.places, kMaxTopologyNodes + 1, {}}, CpuMask::first(1), kNow).error() ==
        Errno::kINVAL);
  CHECK(builder.of(CpuId{0}).lowest == nullptr);
}

TEST_CASE("topology: the largest machine fits the arena the ground gives", "[topology][T01]") {
  for (const auto& [m, kin] :
       {std::pair{shaped(16, 1, 4, 1, 8, 2), Kin::kRing}, std::pair{shaped(8, 2, 2, 2, 8, 2), Kin::kMesh},
        std::pair{shaped(1, 1, 1, 1, 1024, 1), Kin::kFull}}) {
    GeneratedMachine machine = m;
    set_distances(machine, kin);
    REQUIRE(machine.count() == 1024);
    REQUIRE(builder.build(machine.describe(), CpuMask::all(), kNow));
    CHECK(builder.bytes_used() <= kDomainMemory);
    CHECK(builder.report().distances_capped == (kin == Kin::kRing)); // 8 distances
  }
}

TEST_CASE("topology: the table of tasks a NUMA imbalance is allowed", "[topology][T03]") {
  struct Row {
    u32 nodes, caches, cores, threads;
    Kin kin;
    std::vector<u32> allowed; // by NUMA level
  };
  const Row rows[] = {
      {2, 1, 4, 1, Kin::kFull, {1}},       // 4 / 8 is less than one
      {2, 1, 8, 1, Kin::kFull, {1}},       // 8 / 8
      {2, 1, 16, 1, Kin::kFull, {2}},      // 16 / 8
      {2, 1, 16, 2, Kin::kFull, {4}},      // threads count as CPUs
      {4, 1, 32, 1, Kin::kFull, {4}},      //
      {2, 2, 8, 2, Kin::kFull, {2}},       // two caches
      {2, 8, 4, 2, Kin::kFull, {8}},       // eight caches
      {4, 1, 16, 1, Kin::kMesh, {2, 4}},   // 2 nodes, then 4: twice as many CPUs
      {8, 1, 16, 1, Kin::kMesh, {2, 8}},   // 2 nodes, then 8
      {8, 4, 4, 1, Kin::kMesh, {4, 16}},   //
      {4, 2, 4, 1, Kin::kRing, {2, 2}},    // 3 nodes, then 4: not twice as many
      {6, 1, 16, 1, Kin::kRing, {2, 2, 4}} // 3 nodes, then 5, then 6
  };
  for (const Row& row : rows) {
    GeneratedMachine m = shaped(row.nodes, 1, row.caches, 1, row.cores, row.threads);
    set_distances(m, row.kin);
    CAPTURE(row.nodes, row.caches, row.cores, row.threads);
    REQUIRE(builder.build(m.describe(), CpuMask::first(m.count()), kNow));
    for (u32 cpu = 0; cpu < m.count(); ++cpu) {
      std::vector<u32> allowed;
      for (const SchedDomain* sd = builder.of(CpuId{cpu}).lowest; sd != nullptr; sd = sd->parent)
        if ((sd->flags & kSdNuma) != 0)
          allowed.push_back(sd->imb_numa_nr);
        else
          CHECK(sd->imb_numa_nr == 0);
      CHECK(allowed == row.allowed);
    }
  }
}

TEST_CASE("topology: the NUMA allowance counts the CPUs and caches of the partition",
          "[topology][T02][T03]") {
  GeneratedMachine m = shaped(2, 1, 4, 1, 8, 1);
  CpuMask partition; // caches 0 and 1 of node 0; cache 0 of node 1
  for (u32 cpu = 0; cpu < 16; ++cpu) partition.set(CpuId{cpu});
  for (u32 cpu = 32; cpu < 40; ++cpu) partition.set(CpuId{cpu});
  REQUIRE(builder.build(m.describe(), partition, kNow));
  const auto numa = [](u32 cpu) {
    const SchedDomain* sd = builder.of(CpuId{cpu}).lowest;
    while ((sd->flags & kSdNuma) == 0) sd = sd->parent;
    return sd;
  };
  CHECK(numa(0)->weight == 24);
  CHECK(numa(0)->imb_numa_nr == 2);
  CHECK(numa(32)->imb_numa_nr == 1);
}

TEST_CASE("topology: one shared record a cache, referred to by its CPUs, the others unused",
          "[topology][T04]") {
  std::mt19937_64 random(4);
  for (u32 n = 0; n < 100; ++n) {
    const GeneratedMachine m = random_machine(random);
    const CpuMask partition = random_partition(m, random);
    CAPTURE(n);
    REQUIRE(builder.build(m.describe(), partition, kNow));
    std::set<u32> claimed;
    for (const CpuId cpu : partition) {
      const CpuDomains& domains = builder.of(cpu);
      const Cpus cache = members(m, partition, [&](auto& p) { return p.llc == m.places[cpu.value].llc; });
      CHECK(domains.llc_id.value == *cache.begin());
      CHECK(domains.llc_weight == cache.size());
      if (cache.size() == 1) {
        CHECK(domains.llc == nullptr);
        continue;
      }
      REQUIRE(domains.llc != nullptr);
      CHECK(to_set(*domains.llc->span) == cache);
      const LlcShared* record = &builder.record(CpuId{*cache.begin()}); // the first CPU's record
      CHECK(domains.llc->shared == record);
      CHECK(record->ref.load() == cache.size());
      claimed.insert(*cache.begin());
      for (const SchedDomain* sd = domains.lowest; sd != nullptr; sd = sd->parent)
        if (sd != domains.llc) CHECK(sd->shared == nullptr); // and only the topmost one claims
    }
    CHECK(builder.report().records_claimed == claimed.size());
    for (u32 cpu = 0; cpu < kMaxCpus; ++cpu)
      if (!claimed.contains(cpu)) CHECK(builder.record(CpuId{cpu}).ref.load() == 0);
  }
}
