// SPDX-License-Identifier: Apache-2.0
// The mappings of an address space against a map of single pages, on long random sequences: what is mapped,
// with which flags, from which page of which object; that equal neighbours are one; where the free room is.
#include "kernel/user/mm/vma_set.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>

using namespace runnel;
using namespace runnel::user;

namespace {

int live = 0;
int until_failure = -1; // takes that still succeed; -1: all

Vma* take() {
  if (until_failure == 0) return nullptr;
  if (until_failure > 0) --until_failure;
  ++live;
  return new Vma;
}
void give(Vma* vma) {
  --live;
  delete vma;
}
constexpr VmaAllocator kAllocator{take, give};

struct FakeObject final : VmObject {
  Result<PhysAddr> page(u64) override { return err(Errno::kNOMEM); }
  bool is_resident(u64) override { return false; }
  u64 size() const override { return 0; }
  void destroy() override { destroyed = true; }
  bool destroyed = false;
};

constexpr u64 kPages = 600; // of the address space the model covers
constexpr u64 at(u64 page) { return page * kPageSize; }

/// What a page is mapped as.
struct Cell {
  u32 flags = 0;
  VmObject* object = nullptr;
  u64 index = 0;
  bool operator==(const Cell&) const = default;
};
using Model = std::map<u64, Cell>;

void check_same(const VmaSet& set, const Model& model) {
  REQUIRE(set.is_consistent());
  Model seen;
  const Vma* before = nullptr;
  for (const Vma* vma = set.first(); vma != nullptr; vma = VmaSet::next(*vma)) {
    for (u64 a = vma->start; a < vma->end; a += kPageSize)
      seen[a / kPageSize] = {vma->flags, vma->object, vma->object != nullptr ? vma->index_of(a) : 0};
    REQUIRE(set.previous(*vma) == before);
    before = vma;
  }
  REQUIRE(seen == model);
  REQUIRE(set.total_size() == at(model.size()));
  REQUIRE(live == static_cast<int>(set.count()));
}

/// The fewest mappings that can describe the model.
u32 fewest(const Model& model) {
  u32 count = 0;
  for (auto it = model.begin(); it != model.end(); ++it) {
    const auto before = model.find(it->first - 1);
    Cell expected = it->second;
    if (expected.object != nullptr) --expected.index;
    if (before == model.end() || !(before->second == expected)) ++count;
  }
  return count;
}

std::vector<bool> free_pages(const VmaSet& set) {
  std::vector<bool> free(kPages, true);
  u64 below = 0; // end of the mapping before: the guard keeps the room down to there free, at most
  for (const Vma* vma = set.first(); vma != nullptr; vma = VmaSet::next(*vma)) {
    for (u64 a = std::max(below, vma->guarded_start()); a < vma->end; a += kPageSize)
      free[a / kPageSize] = false;
    below = vma->end;
  }
  return free;
}

void check_room(const VmaSet& set, std::mt19937_64& random) {
  const std::vector<bool> free = free_pages(set);
  const u64 size = 1 + random() % 12;
  const u64 low = random() % kPages;
  const u64 high = low + random() % (kPages - low);
  std::optional<u64> lowest;
  std::optional<u64> highest;
  for (u64 start = low; start + size <= high; ++start) {
    bool fits = true;
    for (u64 i = 0; i < size; ++i) fits = fits && free[start + i];
    if (!fits) continue;
    if (!lowest) lowest = at(start);
    highest = at(start);
  }
  REQUIRE(set.highest_room(at(size), at(low), at(high)) == highest);
  REQUIRE(set.lowest_room(at(size), at(low), at(high)) == lowest);
}

void check_queries(const VmaSet& set, const Model& model, std::mt19937_64& random) {
  const u64 start = random() % kPages;
  const u64 end = start + 1 + random() % (kPages - start);
  u64 covered = 0;
  for (u64 page = start; page < end; ++page) covered += model.contains(page);
  REQUIRE(set.covered(at(start), at(end)) == at(covered));
  REQUIRE(set.overlaps(at(start), at(end)) == (covered != 0));
  REQUIRE((set.containing(at(start) + 5) != nullptr) == model.contains(start));
  const auto next = model.lower_bound(start);
  const Vma* found = set.find(at(start));
  REQUIRE((found != nullptr) == (next != model.end()));
  if (found != nullptr) REQUIRE(std::max(found->start, at(start)) == at(next->first));
}

struct Run {
  VmaSet set{kAllocator, 200};
  Model model;
  FakeObject objects[2];
  std::mt19937_64 random;

  void add() {
    const u64 start = random() % (kPages - 10);
    const u64 end = start + 1 + random() % 9;
    if (set.overlaps(at(start), at(end))) return;
    Vma prototype;
    prototype.start = at(start);
    prototype.end = at(end);
    prototype.flags = random() % 8 == 0 ? u32{kVmGrowsDown} : static_cast<u32>(random() % 3);
    if (random() % 2 == 0) {
      prototype.object = &objects[random() % 2];
      prototype.offset = random() % 4 == 0 ? random() % 5 : start; // often in line with the neighbour
    }
    const auto added = set.add(prototype);
    if (!added) return; // no memory, and then nothing has changed
    REQUIRE((*added)->start <= prototype.start);
    REQUIRE((*added)->end >= prototype.end);
    for (u64 page = start; page < end; ++page)
      model[page] = {prototype.flags, prototype.object,
                     prototype.object != nullptr ? prototype.offset + (page - start) : 0};
  }
  void remove() {
    const u64 start = random() % (kPages - 30);
    const u64 end = start + 1 + random() % 29;
    if (set.remove(at(start), at(end)))
      for (u64 page = start; page < end; ++page) model.erase(page);
  }
  void protect() {
    Vma* vma = set.find(at(random() % kPages));
    if (vma == nullptr) return;
    const u64 middle = align_down(vma->start + random() % vma->size(), kPageSize);
    if (!set.split(middle)) return;
    vma = set.containing(middle);
    REQUIRE(vma->start == middle);
    const u32 flags = (vma->flags & kVmGrowsDown) | static_cast<u32>(random() % 3);
    for (u64 a = vma->start; a < vma->end; a += kPageSize) model[a / kPageSize].flags = flags;
    Vma& whole = set.set_flags(*vma, flags);
    REQUIRE(whole.contains(middle));
  }
};

} // namespace

TEST_CASE("mappings agree with a map of pages on random sequences", "[mm][vma]") {
  const u64 seed = GENERATE(1u, 2u, 3u, 4u);
  CAPTURE(seed);
  const bool short_of_memory = seed % 2 == 0;
  {
    Run run;
    run.random.seed(seed);
    for (int step = 0; step < 4000; ++step) {
      CAPTURE(step);
      until_failure = short_of_memory && step % 3 == 0 ? static_cast<int>(run.random() % 2) : -1;
      switch (run.random() % 8) {
      case 0:
      case 1:
      case 2:
      case 3:
        run.add();
        break;
      case 4:
      case 5:
        run.remove();
        break;
      default:
        run.protect();
        break;
      }
      check_same(run.set, run.model);
      // Only a split whose second part failed for want of memory may leave two where one would do.
      if (!short_of_memory) REQUIRE(run.set.count() == fewest(run.model));
      check_room(run.set, run.random);
      check_queries(run.set, run.model, run.random);
    }
    until_failure = -1;
    run.set.clear();
    CHECK(run.set.count() == 0);
    for (FakeObject& object : run.objects) {
      CHECK_FALSE(object.destroyed);
      object.put();
      CHECK(object.destroyed); // every mapping has given its reference back
    }
  }
  CHECK(live == 0);
}

TEST_CASE("neighbours that differ in nothing are one mapping", "[mm][vma]") {
  VmaSet set(kAllocator, 10);
  FakeObject object;
  const auto add = [&](u64 start, u64 end, u32 flags, VmObject* from = nullptr, u64 offset = 0) {
    Vma prototype;
    prototype.start = at(start);
    prototype.end = at(end);
    prototype.flags = flags;
    prototype.object = from;
    prototype.offset = offset;
    REQUIRE(set.add(prototype).has_value());
  };
  add(10, 20, kVmRead);
  add(30, 40, kVmRead);
  add(20, 30, kVmRead); // closes the gap
  CHECK(set.count() == 1);
  add(40, 50, kVmWrite);
  CHECK(set.count() == 2);
  REQUIRE(set.split(at(45)).has_value());
  CHECK(set.count() == 3);
  set.set_flags(*set.containing(at(40)), kVmRead);
  CHECK(set.count() == 2);
  CHECK(set.first()->end == at(45));
  set.set_flags(*set.containing(at(45)), kVmRead);
  CHECK(set.count() == 1);
  add(60, 61, kVmRead, &object, 7);
  add(61, 62, kVmRead, &object, 8);
  CHECK(set.count() == 2);
  add(62, 63, kVmRead, &object, 10); // not the page that follows
  CHECK(set.count() == 3);
  add(59, 60, kVmRead, &object, 6);
  CHECK(set.count() == 3);
  CHECK(set.containing(at(59))->offset == 6);
  set.clear();
  CHECK(live == 0);
}

TEST_CASE("no more mappings than allowed, and a refused change changes nothing", "[mm][vma]") {
  VmaSet set(kAllocator, 3);
  Vma prototype;
  prototype.flags = kVmRead;
  for (const u64 page : {10u, 20u, 30u}) {
    prototype.start = at(page);
    prototype.end = at(page + 5);
    REQUIRE(set.add(prototype).has_value());
  }
  prototype.start = at(40);
  prototype.end = at(41);
  CHECK(set.add(prototype).error() == Errno::kNOMEM);
  CHECK(set.split(at(12)).error() == Errno::kNOMEM);
  CHECK(set.remove(at(11), at(12)).error() == Errno::kNOMEM); // a hole in one: four would be left
  CHECK(set.total_size() == at(15));
  prototype.start = at(35);
  prototype.end = at(36);
  CHECK(set.add(prototype).has_value()); // merges
  CHECK(set.remove(at(12), at(22)).has_value());
  CHECK(set.count() == 3);
  CHECK(set.total_size() == at(2 + 3 + 6));
  set.clear();
  CHECK(live == 0);
}

TEST_CASE("nothing is placed in the guard below a mapping that grows down", "[mm][vma]") {
  VmaSet set(kAllocator, 10);
  Vma prototype;
  prototype.start = at(1000);
  prototype.end = at(1010);
  prototype.flags = kVmRead | kVmGrowsDown;
  REQUIRE(set.add(prototype).has_value());
  CHECK(set.highest_room(at(1), at(1), at(1010)) == 1000 * kPageSize - kStackGuardGap - kPageSize);
  CHECK(set.lowest_room(at(1), at(800), at(2000)) == at(1010));
  prototype.start = at(990);
  prototype.end = at(991);
  prototype.flags = kVmRead;
  CHECK(set.add(prototype).has_value()); // by address it may be
  CHECK(set.is_consistent());
  // The guard is that of the room below the mapping: further down is room again.
  CHECK(set.highest_room(at(1), at(1), at(1010)) == at(989));
  set.clear();
}
