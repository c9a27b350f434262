// SPDX-License-Identifier: Apache-2.0
// Page tables go with the last mapping they served, and no walk of any CPU meets one that went.
#include "tests/target/fork_storm.hpp"

namespace runnel::user {
namespace {

using test::LivesIn;
using test::Space;

constexpr u64 kRw = kPROT_READ | kPROT_WRITE;
constexpr u64 kLeafTable = u64{2} << 20; // bytes that one table of leaves covers
constexpr u64 kGigabyte = u64{1} << 30;

u64 tables(const Space& space) { return space->stats().table_pages; }

RUNNEL_TEST(user_mm, tables_go_with_their_mappings, .limit = 20_s)
{
  Space space;
  CHECK(tables(space) == 1u); // the root
  LivesIn here(*space);
  u64 wrong = 0;
  for (u64 i = 1; i <= 1000; ++i) {
    const u64 at = i * 16807 % 100'003 * kGigabyte + i % 512 * kLeafTable;
    space.map(kPageSize, kRw, kMAP_PRIVATE, at);
    u64 value = 1;
    if (!test::user_load(*space, at, value) || value != 0) ++wrong;
    if (!test::user_store(*space, at, i) || tables(space) != 4) ++wrong;
    if (!space->munmap(at, kPageSize).has_value() || test::user_load(*space, at, value)) ++wrong;
    if (tables(space) != 1) ++wrong;
  }
  CHECK(wrong == 0u);
}

RUNNEL_TEST(user_mm, tables_stay_for_neighbours)
{
  Space space;
  const u64 at = 5 * kGigabyte;
  for (const u64 place : {at, at + 5 * kPageSize, at + kLeafTable, at + kGigabyte})
    space.write(space.map(kPageSize, kRw, kMAP_PRIVATE, place), place);
  CHECK(tables(space) == 2u + 2u + 3u); // root and its one below, two of the next, three with leaves
  REQUIRE(space->munmap(at, kPageSize).has_value());
  CHECK(tables(space) == 7u);
  CHECK(space.read(at + 5 * kPageSize) == at + 5 * kPageSize);
  REQUIRE(space->munmap(at, 10 * kPageSize).has_value());
  CHECK(tables(space) == 6u);
  CHECK(space.read(at + kLeafTable) == at + kLeafTable);
  REQUIRE(space->munmap(at, 3 * kLeafTable).has_value());
  CHECK(tables(space) == 4u);
  CHECK(space.read(at + kGigabyte) == at + kGigabyte);
  // What goes is found by what surrounds it: more than a batch of tables at once.
  for (u64 i = 0; i < 100; ++i) {
    const u64 place = 20 * kGigabyte + i * 11 * kLeafTable;
    space.write(space.map(kPageSize, kRw, kMAP_PRIVATE, place), i);
  }
  REQUIRE(space->munmap(kMinAddress, kTaskSize - kMinAddress).has_value());
  CHECK(tables(space) == 1u);
}

RUNNEL_TEST(user_mm, tables_go_with_what_moves)
{
  Space space;
  const u64 from = 5 * kGigabyte, to = 600 * kGigabyte;
  space.write(space.map(2 * kLeafTable, kRw, kMAP_PRIVATE, from), 1);
  space.write(from + kLeafTable, 2);
  CHECK(tables(space) == 5u);
  REQUIRE(space->mremap(from, 2 * kLeafTable, 2 * kLeafTable, kMREMAP_MAYMOVE | kMREMAP_FIXED, to) == to);
  CHECK(tables(space) == 5u);
  CHECK(space.read(to) == 1u);
  CHECK(space.read(to + kLeafTable) == 2u);
  // Shrunk in place.
  REQUIRE(space->mremap(to, 2 * kLeafTable, kPageSize, 0, 0) == to);
  CHECK(tables(space) == 4u);
}

/// A thread's places, each with a table of its own that it shares with the other threads' places next to it.
class FarPlaces {
 public:
  FarPlaces(Mm& mm, u32 index) : mm_(mm), index_(index), state_(index + 1) {}

  bool step(u64 number) {
    const u64 i = random(kPlaces);
    const u64 at = address(i);
    u64 seen = 0;
    if (values_[i] == 0) {
      if (test::user_load(mm_, at, seen)) return false;
      const MapRequest request{.address = at,
                               .length = kPageSize,
                               .prot = kRw,
                               .flags = kMAP_ANONYMOUS | kMAP_FIXED_NOREPLACE | kMAP_PRIVATE};
      if (mm_.mmap(request) != at || !test::user_store(mm_, at, number)) return false;
      values_[i] = number;
      return true;
    }
    if (!test::user_load(mm_, at, seen) || seen != values_[i]) return false;
    values_[i] = 0;
    return mm_.munmap(at, kPageSize).has_value();
  }

 private:
  static constexpr u64 kPlaces = 6;
  u64 address(u64 i) const { return (i + 1) * 700 * kGigabyte + i * kLeafTable + index_ * kPageSize; }
  u64 random(u64 below) {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return (state_ >> 33) % below;
  }

  Mm& mm_;
  u64 index_;
  u64 state_;
  u64 values_[kPlaces] = {};
};

// Threads of all CPUs take tables from each other and away, while the space is forked.
RUNNEL_TEST(user_mm, tables_come_and_go_under_threads, .limit = 60_s)
{
  const MemoryUsage before = memory_usage();
  Space space;
  const u32 workers = online_cpus().count() + 1;
  const u32 wrong = test::run_beside_forks(space, workers, 500_us, [&](u32 i) {
    u32 bad = 0;
    FarPlaces places(*space, i);
    for (u64 number = 1; number <= 200; ++number) {
      if (!places.step(number)) ++bad;
      if (number % 16 == 0) yield();
    }
    return bad;
  });
  CHECK(wrong == 0u);
  REQUIRE(space->munmap(kMinAddress, kTaskSize - kMinAddress).has_value());
  CHECK(tables(space) == 1u);
  test::end_without_rest(space, before);
}

} // namespace
} // namespace runnel::user
