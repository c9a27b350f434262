// SPDX-License-Identifier: Apache-2.0
// EEVDF's sums, tree and arithmetic against exact integers (F02 to F05, F08).
#include "tests/sched/eevdf_exact.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::sched;
using namespace runnel::sched::test;

TEST_CASE("virtual time advances by the floor of delta * 2^20 / weight", "[F02]") {
  std::mt19937_64 random(2);
  for (u32 n = 0; n < 100'000; ++n) {
    const u64 weight = n % 4 == 0 ? 2048 + random() % (u64{1} << 27)
                                  : scale_load(n % 41 == 40 ? kIdlePolicyWeight : kNiceWeights[n % 40]);
    const u64 delta = random() >> (20 + random() % 40); // up to 2^44, all magnitudes
    REQUIRE(Big(eevdf::virtual_time(delta, weight)) == (Big(delta) << 20) / Big(weight));
  }
  for (const u64 delta : {u64{0}, u64{1}, (u64{1} << 44) - 1, u64{1} << 44, (u64{1} << 44) + 1, u64{1} << 50})
    for (const u32 weight : {kIdlePolicyWeight, 15u, 820u, 1024u, 88761u})
      REQUIRE(Big(eevdf::virtual_time(delta, scale_load(weight))) ==
              (Big(delta) << 20) / Big(scale_load(weight)));
}

TEST_CASE("128-bit helpers equal big integers", "[F02]") {
  std::mt19937_64 random(3);
  const auto any = [&] { return random() >> (random() % 64); };
  for (u32 n = 0; n < 100'000; ++n) {
    const u64 d = any() | 1;
    const u64 high = any() % d;
    const u64 low = any();
    REQUIRE(Big(wide::div(static_cast<u128>(high) << 64 | low, d)) ==
            ((Big(high) << 64) + Big(low)) / Big(d));
    const i64 a = static_cast<i64>(any() >> 1) * (n % 2 == 0 ? 1 : -1);
    const u64 b = any() >> 1;
    const Big product = Big(a) * Big(b);
    const Big truncated = product / Big(d); // towards zero
    if (abs(truncated) < Big(1) << 63) REQUIRE(Big(wide::mul_div(a, b, d)) == truncated);
    Big floored = truncated;
    if (product < 0 && truncated * Big(d) != product) floored -= 1;
    if (abs(floored) < Big(1) << 63) REQUIRE(Big(wide::div_floor(wide::mul(a, b), d)) == floored);
  }
}

// One entity of a small queue gets a new place and weight each time: a new random queue. Native 128-bit sums
// are exact here, keys stay below 2^46.
TEST_CASE("avg_vruntime is eligible and the floor of the mean, 10^7 queues", "[F03]") {
  Arena arena(3, 6);
  EevdfQueue& q = arena.q;
  for (const auto& se : arena.entities) eevdf::join(q, *se, eevdf::Join::kNew, arena.rules);
  std::mt19937_64 random(7);
  u64 wrong = 0;
  for (u32 n = 0; n < 10'000'000; ++n) {
    FairEntity& se = *arena.entities[n % 6];
    eevdf::tree_erase(q, se);
    const u32 spread = static_cast<u32>(random() % 44);
    se.vruntime = q.zero_vruntime + (random() >> 20 >> spread) - ((u64{1} << 43) >> spread);
    if (n % 16 == 0) se.weight = arena.random_weight();
    se.on_rq = true;
    eevdf::tree_insert(q, se);

    const u64 mean = eevdf::avg_vruntime(q);
    i128 lag = 0; // sum of w_i * (V - v_i) from the rounded V: in (-W, 0]
    i128 weight = 0;
    for (const auto& member : arena.entities) {
      lag += static_cast<i128>(static_cast<i64>(mean - member->vruntime)) * static_cast<i128>(member->weight);
      weight += static_cast<i128>(member->weight);
    }
    wrong += lag > 0 || lag <= -weight || !eevdf::is_vruntime_eligible(q, mean) ||
             eevdf::is_vruntime_eligible(q, mean + 1) || q.zero_vruntime != mean;
  }
  REQUIRE(wrong == 0);
}

TEST_CASE("eligibility equals the exact rational test", "[F04]") {
  for_seeds(40, 2000, [](Arena& arena) {
    const std::vector<FairEntity*> members = arena.members();
    const ExactMean mean(members);
    for (const FairEntity* se : members) {
      REQUIRE(eevdf::is_eligible(arena.q, *se) == mean.eligible(*se));
      for (const u64 nearby : {se->vruntime - 1, se->vruntime + 1})
        REQUIRE(eevdf::is_vruntime_eligible(arena.q, nearby) == (mean.lag_times_weight(nearby) >= 0));
    }
  });
}

namespace {

struct Summary {
  u64 min_vruntime, min_slice, max_slice;
};

/// Recomputed from scratch; checks every node on the way.
Summary check_subtree(const FairEntity& se) {
  Summary all{se.vruntime, se.slice, se.slice};
  for (const FairEntity* child : {FairTree::left(se), FairTree::right(se)}) {
    if (child == nullptr) continue;
    const Summary sub = check_subtree(*child);
    if (static_cast<i64>(sub.min_vruntime - all.min_vruntime) < 0) all.min_vruntime = sub.min_vruntime;
    all.min_slice = std::min(all.min_slice, sub.min_slice);
    all.max_slice = std::max(all.max_slice, sub.max_slice);
  }
  REQUIRE(se.min_vruntime == all.min_vruntime);
  REQUIRE(se.min_slice == all.min_slice);
  REQUIRE(se.max_slice == all.max_slice);
  return all;
}

} // namespace

TEST_CASE("tree: order, the three aggregates and the sums after any operation", "[F05]") {
  for_seeds(40, 2000, [](Arena& arena) {
    const EevdfQueue& q = arena.q;
    if (q.tree.root() != nullptr) check_subtree(*q.tree.root());
    u64 weight = 0;
    u32 count = 0;
    Big keys = 0;
    u64 min_slice = ~u64{0};
    u64 max_slice = 0;
    const FairEntity* before = nullptr;
    for (const FairEntity* se = q.tree.first(); se != nullptr; se = FairTree::next(*se)) {
      REQUIRE((before == nullptr || static_cast<i64>(se->deadline - before->deadline) >= 0));
      REQUIRE((se->on_rq && se != q.curr));
      weight += se->weight;
      keys += Big(se->weight) * Big(static_cast<i64>(se->vruntime - q.zero_vruntime));
      ++count;
      before = se;
    }
    REQUIRE(q.sum_weight == weight);
    REQUIRE(Big(q.sum_weighted_keys) == keys);
    REQUIRE(q.nr_queued == count + (q.curr != nullptr && q.curr->on_rq ? 1 : 0));
    for (const FairEntity* se : arena.members()) {
      min_slice = std::min(min_slice, se->slice);
      max_slice = std::max(max_slice, se->slice);
    }
    REQUIRE(eevdf::min_slice(q) == min_slice);
    REQUIRE(eevdf::max_slice(q) == max_slice);
  });
}

TEST_CASE("FB1: the weighted lags add up to less than W", "[F08]") {
  for_seeds(36, 2000, [](Arena& arena) {
    const std::vector<FairEntity*> members = arena.members();
    if (members.empty()) return;
    const u64 mean = eevdf::mean_vruntime(arena.q);
    Big sum = 0;
    Big weight = 0;
    for (const FairEntity* se : members) {
      sum += Big(se->weight) * Big(static_cast<i64>(mean - se->vruntime));
      weight += se->weight;
    }
    REQUIRE(abs(sum) < weight);
  });
}

TEST_CASE("keys stay small: the mean is their centre", "[F08]") {
  // Placement by lag is what could throw an entity far; 2^44 is spec 3.3's bound for 0.1 to 100 ms slices.
  for_seeds(36, 2000, [](Arena& arena) {
    for (const FairEntity* se : arena.members()) {
      const i64 key = static_cast<i64>(se->vruntime - arena.q.zero_vruntime);
      REQUIRE(std::abs(key) < i64{1} << 44);
    }
  });
}
