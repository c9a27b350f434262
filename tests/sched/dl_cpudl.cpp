// SPDX-License-Identifier: Apache-2.0
// Which CPU has the latest of the earliest deadlines: the heap against a search of everything (spec 5.4).
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <sched/cpudl.hpp>
#include <sched/dl_entity.hpp>

using namespace runnel;
using namespace runnel::sched;

namespace {

enum class Place { kAbsent, kFree, kBusy };

struct Model {
  Place place[kMaxCpus] = {};
  u64 deadline[kMaxCpus] = {};

  CpuMask find(const CpuMask& allowed, u64 mine) const {
    CpuMask free;
    i32 latest = -1;
    for (u32 i = 0; i < kMaxCpus; ++i) {
      if (!allowed.test({i})) continue;
      if (place[i] == Place::kFree) free.set({i});
      if (place[i] == Place::kBusy && (latest < 0 || dl_before(deadline[latest], deadline[i])))
        latest = static_cast<i32>(i);
    }
    if (!free.empty()) return free;
    if (latest < 0 || !dl_before(mine, deadline[latest])) return {};
    return CpuMask::of({static_cast<u32>(latest)});
  }
};

/// Of several CPUs with the same latest deadline either side may name any.
bool same_answer(const Model& model, const CpuMask& got, const CpuMask& wanted) {
  if (got == wanted) return true;
  if (got.count() != 1 || wanted.count() != 1) return false;
  const u32 a = got.lowest().value;
  const u32 b = wanted.lowest().value;
  return model.place[a] == Place::kBusy && model.place[b] == Place::kBusy &&
         model.deadline[a] == model.deadline[b];
}

void compare(u32 cpus, u32 seed, u64 base) {
  std::mt19937_64 random(seed);
  auto heap = std::make_unique<CpuDlHeap>();
  auto model = std::make_unique<Model>();
  const auto draw = [&](u64 most) { return std::uniform_int_distribution<u64>(0, most)(random); };
  u32 found_busy = 0;
  u32 found_none = 0;
  for (u32 n = 0; n < 20'000; ++n) {
    const u32 cpu = static_cast<u32>(draw(cpus - 1));
    switch (draw(7)) {
    case 0:
      heap->set_free({cpu});
      model->place[cpu] = Place::kFree;
      break;
    case 1:
      heap->remove({cpu});
      model->place[cpu] = Place::kAbsent;
      break;
    default:
      model->place[cpu] = Place::kBusy;
      model->deadline[cpu] = base + draw(3 * cpus);
      heap->set({cpu}, model->deadline[cpu]);
    }
    u32 busy = 0;
    for (u32 i = 0; i < cpus; ++i) {
      REQUIRE(heap->has_work({i}) == (model->place[i] == Place::kBusy));
      REQUIRE(heap->free().test({i}) == (model->place[i] == Place::kFree));
      if (model->place[i] != Place::kBusy) continue;
      ++busy;
      REQUIRE(heap->deadline({i}) == model->deadline[i]);
    }
    REQUIRE(heap->size() == busy);
    CpuMask allowed = CpuMask::first(cpus);
    if (draw(1) == 0)
      for (u32 i = 0; i < cpus; ++i)
        if (draw(2) != 0) allowed.clear({i});
    if (draw(3) != 0) // else the free CPUs hide the rest
      for (u32 i = 0; i < cpus; ++i)
        if (model->place[i] == Place::kFree) allowed.clear({i});
    const u64 mine = base + draw(3 * cpus);
    const CpuMask got = heap->find(allowed, mine);
    REQUIRE(same_answer(*model, got, model->find(allowed, mine)));
    found_none += got.empty() ? 1 : 0;
    found_busy += got.count() == 1 && model->place[got.lowest().value] == Place::kBusy ? 1 : 0;
    REQUIRE(heap->would_be_first({cpu}, mine) ==
            (model->place[cpu] != Place::kBusy || dl_before(mine, model->deadline[cpu])));
  }
  CHECK(found_busy > 100);
  CHECK(found_none > 100);
}

} // namespace

TEST_CASE("cpudl equals brute force", "[D06]") {
  compare(1, 1, 1000);
  compare(4, 2, 1000);
  compare(33, 3, 1000);
  compare(8, 4, ~u64{0} - 12); // deadlines on both sides of the wrap
}
