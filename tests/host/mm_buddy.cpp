// SPDX-License-Identifier: Apache-2.0
// The buddy allocator against a model that knows only which pages are taken, on long random sequences; and
// its answers to every kind of wrong free.
#include "kernel/mm/buddy.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace runnel;
using namespace runnel::mm;

namespace {

struct Arena {
  explicit Arena(u64 first, u64 count) : states(count, 0), words(count) {
    std::mt19937_64 noise(7); // the words may hold anything
    for (PageWord& word : words) word = std::bit_cast<PageWord>(noise());
    buddy.init(first, states, words);
  }
  std::vector<u8> states;
  std::vector<PageWord> words;
  Buddy buddy;
};

// Which pages are free to hand out, and the blocks handed out.
struct Model {
  explicit Model(u64 first_page, u64 count) : first(first_page), free(count, false) {}
  u64 first;
  std::vector<bool> free;
  std::map<u64, u32> blocks;

  u64 nr_free() const { return static_cast<u64>(std::count(free.begin(), free.end(), true)); }
  bool all_free(u64 page, u64 count) const {
    for (u64 i = page - first; i < page - first + count; ++i)
      if (!free[i]) return false;
    return true;
  }
  bool has_free_block(u32 order) const {
    const u64 size = u64{1} << order;
    for (u64 i = 0; i + size <= free.size(); i += size)
      if (all_free(first + i, size)) return true;
    return false;
  }
  void set(u64 page, u64 count, bool to) {
    for (u64 i = page - first; i < page - first + count; ++i) free[i] = to;
  }
};

} // namespace

TEST_CASE("buddy agrees with a bitmap model on random sequences", "[mm][buddy]") {
  const u64 seed = GENERATE(1u, 2u, 3u, 4u, 5u);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  constexpr u64 kFirst = 0x40000;
  const u64 count = 3000 + random() % 3000; // no power of two: the last blocks are cut
  Arena arena(kFirst, count);
  Model model(kFirst, count);
  for (u64 page = kFirst + random() % 5; page < kFirst + count;) { // ranges with holes between
    const u64 size = std::min<u64>(1 + random() % 1500, kFirst + count - page);
    arena.buddy.add(page, size);
    model.set(page, size, true);
    page += size + random() % 20;
  }
  REQUIRE(arena.buddy.total_pages() == model.nr_free());

  for (int step = 0; step < 20000; ++step) {
    const u64 phase = (static_cast<u64>(step) / 2000) % 2; // mostly allocate, then mostly free
    if (random() % 8 < (phase == 0 ? 5u : 3u)) {
      const u32 order =
          random() % 4 == 0 ? static_cast<u32>(random() % kNrOrders) : static_cast<u32>(random() % 3);
      const auto page = arena.buddy.allocate(order);
      if (!page) {
        REQUIRE_FALSE(model.has_free_block(order)); // never fails while an aligned free block exists
        continue;
      }
      const u64 size = u64{1} << order;
      REQUIRE(*page % size == 0);
      REQUIRE(model.all_free(*page, size));
      model.set(*page, size, false);
      model.blocks[*page] = order;
    } else if (!model.blocks.empty()) {
      auto block = model.blocks.lower_bound(kFirst + random() % count);
      if (block == model.blocks.end()) block = model.blocks.begin();
      const auto [page, order] = *block;
      REQUIRE(arena.buddy.check(page, order) == FreeError::kNone);
      REQUIRE(arena.buddy.free(page, order) == FreeError::kNone);
      REQUIRE(arena.buddy.free(page, order) != FreeError::kNone); // at once again
      model.set(page, u64{1} << order, true);
      model.blocks.erase(block);
    }
    if (step % 500 == 0) {
      REQUIRE(arena.buddy.free_pages() == model.nr_free());
      REQUIRE(arena.buddy.is_consistent());
    }
  }
  for (const auto& [page, order] : model.blocks) REQUIRE(arena.buddy.free(page, order) == FreeError::kNone);
  CHECK(arena.buddy.free_pages() == arena.buddy.total_pages());
  CHECK(arena.buddy.is_consistent());
}

TEST_CASE("buddy joins everything again after total fragmentation", "[mm][buddy]") {
  constexpr u64 kPages = 4096;
  Arena arena(0, kPages);
  arena.buddy.add(0, kPages);
  REQUIRE(arena.buddy.free_blocks(kMaxOrder) == 4);
  std::vector<u64> pages;
  while (const auto page = arena.buddy.allocate(0)) pages.push_back(*page);
  REQUIRE(pages.size() == kPages);
  CHECK(arena.buddy.free_pages() == 0);
  for (u32 order = 0; order < kNrOrders; ++order) CHECK_FALSE(arena.buddy.allocate(order));

  for (const u64 page : pages) // every other page free: half the memory, no block of two
    if (page % 2 == 0) REQUIRE(arena.buddy.free(page, 0) == FreeError::kNone);
  CHECK(arena.buddy.free_pages() == kPages / 2);
  CHECK_FALSE(arena.buddy.allocate(1));
  CHECK(arena.buddy.is_consistent());

  std::shuffle(pages.begin(), pages.end(), std::mt19937_64(11));
  for (const u64 page : pages)
    if (page % 2 == 1) REQUIRE(arena.buddy.free(page, 0) == FreeError::kNone);
  CHECK(arena.buddy.free_blocks(kMaxOrder) == 4);
  for (u32 order = 0; order < kMaxOrder; ++order) CHECK(arena.buddy.free_blocks(order) == 0);
}

TEST_CASE("buddy hands out every order aligned, down to the last page of an odd range", "[mm][buddy]") {
  constexpr u64 kFirst = 1024;
  constexpr u64 kPages = 2047; // all orders appear once at the end
  Arena arena(kFirst, kPages);
  arena.buddy.add(kFirst, kPages);
  for (u32 order = 0; order < kNrOrders; ++order) CHECK(arena.buddy.free_blocks(order) == 1);
  for (u32 order = kNrOrders; order-- > 0;) {
    const auto page = arena.buddy.allocate(order);
    REQUIRE(page);
    CHECK(*page % (u64{1} << order) == 0);
  }
  CHECK(arena.buddy.free_pages() == 0);
}

TEST_CASE("buddy names every wrong free and changes nothing", "[mm][buddy]") {
  constexpr u64 kFirst = 2048;
  Arena arena(kFirst, 1024);
  arena.buddy.add(kFirst, 512);
  const u64 block = arena.buddy.allocate(3).value();
  const u64 single = arena.buddy.allocate(0).value();
  const u64 free_before = arena.buddy.free_pages();

  CHECK(arena.buddy.free(block, 2) == FreeError::kWrongOrder);
  CHECK(arena.buddy.free(block, 4) != FreeError::kNone);
  CHECK(arena.buddy.free(block + 1, 0) == FreeError::kNotAllocated);
  CHECK(arena.buddy.free(block + 1, 3) == FreeError::kMisaligned);
  CHECK(arena.buddy.free(block, kMaxOrder + 1) == FreeError::kMisaligned);
  CHECK(arena.buddy.free(kFirst - 1, 0) == FreeError::kOutOfRange);
  CHECK(arena.buddy.free(kFirst + 1024, 0) == FreeError::kOutOfRange);
  CHECK(arena.buddy.free(0, 0) == FreeError::kOutOfRange);
  CHECK(arena.buddy.free(~u64{0}, 0) == FreeError::kOutOfRange);
  CHECK(arena.buddy.free(kFirst + 600, 0) == FreeError::kNotAllocated); // managed, but a hole
  CHECK(arena.buddy.free(single ^ 1, 0) == FreeError::kNotAllocated);   // its free buddy
  CHECK(arena.buddy.free_pages() == free_before);
  CHECK(arena.buddy.is_consistent());

  CHECK(arena.buddy.free(block, 3) == FreeError::kNone);
  CHECK(arena.buddy.free(block, 3) == FreeError::kNotAllocated);
  CHECK(arena.buddy.free(single, 0) == FreeError::kNone);
  CHECK(arena.buddy.free(single, 0) == FreeError::kNotAllocated); // joined into a larger free block by now
  CHECK(arena.buddy.free_pages() == 512);
}

TEST_CASE("buddy's consistency check sees damage", "[mm][buddy]") {
  Arena arena(0, 64);
  arena.buddy.add(0, 64);
  static_cast<void>(arena.buddy.allocate(2));
  REQUIRE(arena.buddy.is_consistent());
  SECTION("a state") {
    arena.states[9] = 0x42;
    CHECK_FALSE(arena.buddy.is_consistent());
  }
  SECTION("a link") {
    arena.words[32].link.prev = 3;
    CHECK_FALSE(arena.buddy.is_consistent());
  }
}
