// SPDX-License-Identifier: Apache-2.0
// R03: cpupri against brute force, at rest, at every moment of a change (B11), and while a search is under
// way.
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <random>
#include <sched/cpupri.hpp>
#include <vector>

using namespace runnel;
using namespace runnel::sched;

namespace {

constexpr u32 kCpus = 12;

/// Levels as a plain list, searched in the plainest way.
struct Model {
  std::vector<i32> levels = std::vector<i32>(kCpus, PriLevel::kNone);

  std::optional<CpuMask> find(i32 below, const CpuMask& allowed) const {
    i32 best = below;
    for (u32 cpu = 0; cpu < kCpus; ++cpu)
      if (levels[cpu] >= 0 && levels[cpu] < best && allowed.test(CpuId{cpu})) best = levels[cpu];
    if (best == below) return std::nullopt;
    CpuMask found;
    for (u32 cpu = 0; cpu < kCpus; ++cpu)
      if (levels[cpu] == best && allowed.test(CpuId{cpu})) found.set(CpuId{cpu});
    return found;
  }
};

std::optional<CpuMask> find(const CpuPri& pri, i32 below, const CpuMask& allowed) {
  CpuMask found = CpuMask::of(CpuId{1000}); // must be overwritten whole
  const bool any = pri.find({below}, allowed, &found);
  CHECK(pri.find({below}, allowed, nullptr) == any);
  if (!any) {
    CHECK(found == CpuMask::of(CpuId{1000}));
    return std::nullopt;
  }
  return found;
}

CpuMask random_mask(std::mt19937& random) { return CpuMask::from_bits(random() & ((1u << kCpus) - 1)); }
i32 random_level(std::mt19937& random) {
  constexpr i32 kLevels[] = {PriLevel::kNone, 0, 0, 1, 2, 50, 98, 99, 100};
  return kLevels[random() % std::size(kLevels)];
}

} // namespace

TEST_CASE("levels of the priority scale", "[R03][RT9]") {
  CHECK(PriLevel::of_prio(kDlPrio).value == 100);
  CHECK(PriLevel::of_prio(0).value == 99);
  CHECK(PriLevel::of_prio(98).value == 1);
  CHECK(PriLevel::of_prio(99).value == 0);
  CHECK(PriLevel::of_prio(120).value == 0);
}

TEST_CASE("a CPU that was never set is in no vector", "[R03]") {
  const auto pri = std::make_unique<CpuPri>();
  CHECK(pri->level(CpuId{3}).value == PriLevel::kNone);
  CHECK(!find(*pri, 100, CpuMask::all()));
}

TEST_CASE("cpupri equals brute force at rest", "[R03]") {
  std::mt19937 random(17);
  const auto pri = std::make_unique<CpuPri>();
  Model model;
  for (u32 round = 0; round < 100'000; ++round) {
    const CpuId cpu{static_cast<u32>(random() % kCpus)};
    const i32 level = random_level(random);
    pri->set(cpu, {level});
    model.levels[cpu.value] = level;
    REQUIRE(pri->level(cpu).value == level);
    const i32 below = static_cast<i32>(random() % 101);
    const CpuMask allowed = random_mask(random);
    REQUIRE(find(*pri, below, allowed) == model.find(below, allowed));
  }
}

TEST_CASE("at every moment of a change the CPU is found at its old or its new level", "[R03][B11]") {
  std::mt19937 random(23);
  const auto pri = std::make_unique<CpuPri>();
  Model before;
  for (u32 round = 0; round < 20'000; ++round) {
    const CpuId cpu{static_cast<u32>(random() % kCpus)};
    Model after = before;
    after.levels[cpu.value] = random_level(random);
    CpuPri::Change change(*pri, cpu, {after.levels[cpu.value]});
    for (u32 step = 0; step < CpuPri::Change::kSteps; ++step) {
      change.step(step);
      const i32 below = static_cast<i32>(random() % 101);
      const CpuMask allowed = random_mask(random);
      const auto found = find(*pri, below, allowed);
      const auto old_answer = before.find(below, allowed);
      const auto new_answer = after.find(below, allowed);
      // Never nothing while both pictures have a CPU, and nobody who is at neither level.
      if (old_answer && new_answer) REQUIRE(found.has_value());
      if (!old_answer && !new_answer) REQUIRE(!found.has_value());
      if (!found) continue;
      const CpuMask either = old_answer.value_or(CpuMask{}) | new_answer.value_or(CpuMask{});
      REQUIRE(either.contains(*found));
    }
    before = after;
  }
}

// A search visits the levels upwards. A change is laid into it at every place in every way: steps of the
// change happen before the visit of level `when[step]`, in order.
TEST_CASE("a search never misses a CPU that stays lower or is raised meanwhile", "[R03][B11]") {
  constexpr i32 kLevels = 5;
  const CpuId cpu{0};
  const CpuMask allowed = CpuMask::of(cpu);
  u32 schedules = 0;
  for (i32 from = 0; from < kLevels; ++from)
    for (i32 to = from; to < kLevels; ++to) // lowering is the puller's business: RT7
      for (i32 a = 0; a <= kLevels; ++a)
        for (i32 b = a; b <= kLevels; ++b)
          for (i32 c = b; c <= kLevels; ++c)
            for (i32 d = c; d <= kLevels; ++d) {
              const auto pri = std::make_unique<CpuPri>();
              pri->set(cpu, {from});
              const i32 when[] = {a, b, c, d};
              CpuPri::Change change(*pri, cpu, {to});
              u32 done = 0;
              bool found = false;
              for (i32 level = 0; level < kLevels; ++level) {
                for (; done < CpuPri::Change::kSteps && when[done] <= level; ++done) change.step(done);
                found = found || CpuPri::find_in(pri->vector(level), allowed, nullptr);
              }
              REQUIRE(found);
              ++schedules;
            }
  CHECK(schedules == 15 * 126);
}

TEST_CASE("a thousand CPUs are found across words", "[R03]") {
  const auto pri = std::make_unique<CpuPri>();
  for (u32 cpu = 0; cpu < kMaxCpus; ++cpu) pri->set(CpuId{cpu}, {50});
  pri->set(CpuId{kMaxCpus - 1}, {7});
  CpuMask found;
  REQUIRE(pri->find({40}, CpuMask::all(), &found));
  CHECK(found == CpuMask::of(CpuId{kMaxCpus - 1}));
  CHECK(!pri->find({7}, CpuMask::all(), &found));
  CpuMask others = CpuMask::all();
  others.clear(CpuId{kMaxCpus - 1});
  REQUIRE(pri->find({51}, others, &found));
  CHECK(found.count() == kMaxCpus - 1);
}
