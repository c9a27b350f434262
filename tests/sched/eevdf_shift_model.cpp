// SPDX-License-Identifier: Apache-2.0
// The reference's sums are 64 bits wide with a right shift of the weights, raised when a product overflows;
// ours are 128 bits wide (spec 3.3). Both must say the same until the first overflow, and nearly the same
// after.
#include "tests/sched/eevdf_exact.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::sched;
using namespace runnel::sched::test;

namespace {

/// Sums over the same members in 64 bits.
class ShiftModel {
 public:
  explicit ShiftModel(u64 zero) : zero_(zero) {}

  /// Takes the sums over `members` about its own centre; raises the shift until everything fits.
  void rebuild(const std::vector<FairEntity*>& members) {
    while (!try_sums(members)) {
      REQUIRE(shift_ < 10);
      ++shift_;
    }
  }
  u64 avg_vruntime() {
    i64 sum = sum_;
    if (weight_ == 0) return zero_;
    if (sum < 0) sum -= weight_ - 1;
    zero_ += static_cast<u64>(sum / weight_);
    return zero_;
  }
  u64 weight_of(const FairEntity& se) const {
    return shift_ == 0 ? se.weight : std::max<u64>(2, se.weight >> shift_);
  }
  u32 shift() const { return shift_; }

 private:
  bool try_sums(const std::vector<FairEntity*>& members) {
    sum_ = 0;
    weight_ = 0;
    for (const FairEntity* se : members) {
      const i64 key = static_cast<i64>(se->vruntime - zero_);
      const i64 weight = static_cast<i64>(weight_of(*se));
      i64 product = 0;
      if (__builtin_mul_overflow(key, weight, &product) || __builtin_add_overflow(sum_, product, &sum_))
        return false;
      if (std::abs(product) >= i64{1} << 62 || std::abs(sum_) >= i64{1} << 62) return false;
      weight_ += weight;
    }
    return true;
  }

  u64 zero_;
  i64 sum_ = 0;
  i64 weight_ = 0;
  u32 shift_ = 0;
};

/// How far the shifted weights can move the mean: the spread of the members times the weight that was lost.
Big shift_error(const ShiftModel& model, const std::vector<FairEntity*>& members) {
  const ExactMean mean(members);
  Big lost = 0;
  Big least = 0;
  Big most = 0;
  for (const FairEntity* se : members) {
    lost += abs(Big(se->weight) - (Big(model.weight_of(*se)) << model.shift()));
    const Big d = mean.distance(se->vruntime);
    if (d < least) least = d;
    if (d > most) most = d;
  }
  return 2 * (most - least) * lost / mean.weight + 1;
}

} // namespace

TEST_CASE("the 64-bit model agrees until its first overflow", "[F07]") {
  u64 compared = 0;
  for (u32 seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    Arena arena(seed, 1 + seed % 16);
    ShiftModel model(arena.q.zero_vruntime);
    for (u32 n = 0; n < 2000; ++n) {
      arena.step();
      const std::vector<FairEntity*> members = arena.members();
      if (members.empty()) continue;
      model.rebuild(members);
      if (model.shift() != 0) break; // from here on see the next case
      REQUIRE(model.avg_vruntime() == eevdf::avg_vruntime(arena.q));
      ++compared;
    }
  }
  CHECK(compared > 40'000);
}

// The lightest and the heaviest with the longest slices, and members as far apart as lag may drive them.
TEST_CASE("after an overflow the 64-bit model stays within the error of its shift", "[F07]") {
  u32 shifted = 0;
  std::mt19937_64 random(11);
  for (u32 n = 0; n < 20'000; ++n) {
    Arena arena(n + 1, 2 + n % 6);
    for (const auto& se : arena.entities) {
      if (random() % 2 == 0) se->weight = scale_load(random() % 2 == 0 ? kIdlePolicyWeight : 88761);
      eevdf::set_custom_slice(*se, 100'000 + random() % 100'000'000, arena.rules);
      eevdf::join(arena.q, *se, eevdf::Join::kNew, arena.rules);
    }
    const u64 zero = arena.q.zero_vruntime;
    for (const auto& se : arena.entities) {
      eevdf::tree_erase(arena.q, *se);
      const u64 reach = eevdf::virtual_time(eevdf::kMaxSlice + Arena::kTick, scale_load(kIdlePolicyWeight));
      se->vruntime = zero + random() % (2 * reach) - reach;
      eevdf::tree_insert(arena.q, *se);
    }
    ShiftModel model(zero);
    const std::vector<FairEntity*> members = arena.members();
    model.rebuild(members);
    const Big error = Big(static_cast<i64>(model.avg_vruntime() - eevdf::avg_vruntime(arena.q)));
    if (model.shift() == 0) {
      REQUIRE(error == 0);
    } else {
      REQUIRE(abs(error) <= shift_error(model, members) + 1);
      ++shifted;
    }
  }
  CHECK(shifted > 100);
}
