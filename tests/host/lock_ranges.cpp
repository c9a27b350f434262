// SPDX-License-Identifier: Apache-2.0
// Record locks against a map of bytes.
#include "kernel/fs/lock_ranges.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <vector>

namespace runnel::fs {
namespace {

constexpr int kAnna = 1, kBert = 2;
const LockOwner anna{&kAnna, 1}, bert{&kBert, 2};

/// Its locks' memory.
class Pool {
 public:
  LockRanges::Locks& spare() {
    for (int i = 0; i < 2; ++i) spare_.push_back(*made_.emplace_back(std::make_unique<RecordLock>()));
    return spare_;
  }

 private:
  std::vector<std::unique_ptr<RecordLock>> made_;
  LockRanges::Locks spare_;
};

struct Shown {
  u32 pid;
  LockKind kind;
  LockRange range;
  bool operator==(const Shown&) const = default;
};

std::vector<Shown> shown(LockRanges& locks) {
  std::vector<Shown> all;
  for (const RecordLock& lock : locks.all()) all.push_back({lock.owner.pid, lock.kind, lock.range});
  return all;
}

constexpr LockKind kShared = LockKind::kShared, kExclusive = LockKind::kExclusive;

TEST_CASE("an owner's locks of one kind melt together, others are cut", "[lock_ranges]") {
  Pool pool;
  LockRanges locks;
  locks.lock(anna, kShared, {10, 19}, pool.spare());
  locks.lock(anna, kShared, {20, 29}, pool.spare());
  CHECK(shown(locks) == std::vector<Shown>{{1, kShared, {10, 29}}});
  locks.lock(anna, kShared, {31, 39}, pool.spare());
  CHECK(shown(locks).size() == 2);
  locks.lock(anna, kExclusive, {15, 16}, pool.spare());
  CHECK(shown(locks) == std::vector<Shown>{{1, kShared, {10, 14}},
                                           {1, kExclusive, {15, 16}},
                                           {1, kShared, {17, 29}},
                                           {1, kShared, {31, 39}}});
  locks.unlock(anna, {0, 11}, pool.spare());
  locks.unlock(anna, {20, LockRange::kToTheEnd}, pool.spare());
  CHECK(shown(locks) ==
        std::vector<Shown>{{1, kShared, {12, 14}}, {1, kExclusive, {15, 16}}, {1, kShared, {17, 19}}});
  locks.lock(anna, kExclusive, {0, LockRange::kToTheEnd}, pool.spare());
  CHECK(shown(locks) == std::vector<Shown>{{1, kExclusive, {0, LockRange::kToTheEnd}}});
}

TEST_CASE("ranges are read as fcntl gives them", "[lock_ranges]") {
  constexpr i64 kMax = static_cast<i64>(LockRange::kToTheEnd);
  CHECK(*lock_range(0, 0, 0) == LockRange{});
  CHECK(*lock_range(100, -10, 0) == LockRange{90, LockRange::kToTheEnd});
  CHECK(*lock_range(100, 10, 5) == LockRange{110, 114});
  CHECK(*lock_range(100, 10, -5) == LockRange{105, 109});
  CHECK(*lock_range(0, 5, -5) == LockRange{0, 4});
  CHECK(*lock_range(0, kMax, 1) == LockRange{LockRange::kToTheEnd, LockRange::kToTheEnd});
  CHECK(*lock_range(0, 1, kMax) == LockRange{1, LockRange::kToTheEnd});
  CHECK(lock_range(0, 2, kMax).error() == Errno::kOVERFLOW);
  CHECK(lock_range(1, kMax, 1).error() == Errno::kOVERFLOW);
  CHECK(lock_range(9, -10, 5).error() == Errno::kINVAL);
  CHECK(lock_range(0, 4, -5).error() == Errno::kINVAL);
  CHECK(lock_range(0, 4, -kMax - 1).error() == Errno::kINVAL);
  CHECK(lock_range(0, -kMax - 1, 0).error() == Errno::kINVAL);
}

TEST_CASE("readers share, a writer does not", "[lock_ranges]") {
  Pool pool;
  LockRanges locks;
  locks.lock(anna, kShared, {10, 19}, pool.spare());
  CHECK(locks.conflict(bert, kShared, {0, 100}) == nullptr);
  CHECK(locks.conflict(bert, kExclusive, {19, 19}) != nullptr);
  CHECK(locks.conflict(bert, kExclusive, {20, 30}) == nullptr);
  CHECK(locks.conflict(bert, kExclusive, {0, 9}) == nullptr);
  CHECK(locks.conflict(anna, kExclusive, {0, 100}) == nullptr);
  locks.lock(anna, kExclusive, {19, 19}, pool.spare());
  REQUIRE(locks.conflict(bert, kShared, {19, 50}) != nullptr);
  CHECK(locks.conflict(bert, kShared, {10, 50})->range == LockRange{19, 19});
}

TEST_CASE("whatever is locked and unlocked, each byte is as it was said last", "[lock_ranges]") {
  constexpr u64 kBytes = 24;
  std::mt19937 random(7);
  const LockOwner owners[] = {anna, bert};
  for (int round = 0; round < 300; ++round) {
    Pool pool;
    LockRanges locks;
    std::array<std::array<int, kBytes>, 2> model{}; // 0: none, 1: shared, 2: exclusive
    for (int step = 0; step < 60; ++step) {
      const u32 who = random() % 2;
      const u64 first = random() % kBytes;
      const LockRange range{first, first + random() % (kBytes - first)};
      const int what = static_cast<int>(random() % 3);
      bool conflicts = false;
      for (u64 i = range.first; i <= range.last; ++i)
        conflicts = conflicts || (what != 0 && model[1 - who][i] + what > 2 && model[1 - who][i] != 0);
      const LockKind kind = what == 2 ? kExclusive : kShared;
      if (what != 0) CHECK((locks.conflict(owners[who], kind, range) != nullptr) == conflicts);
      if (conflicts) continue;
      if (what == 0)
        locks.unlock(owners[who], range, pool.spare());
      else
        locks.lock(owners[who], kind, range, pool.spare());
      for (u64 i = range.first; i <= range.last; ++i) model[who][i] = what;

      std::array<std::array<int, kBytes>, 2> seen{};
      u64 before = 0;
      for (const RecordLock& lock : locks.all()) {
        CHECK(lock.range.first >= before); // by first byte
        before = lock.range.first;
        for (u64 i = lock.range.first; i <= lock.range.last; ++i) {
          int& byte = seen[lock.owner == anna ? 0 : 1][i];
          CHECK(byte == 0); // an owner's locks do not overlap
          byte = lock.kind == kExclusive ? 2 : 1;
        }
        for (const RecordLock& other : locks.all())
          CHECK((&other == &lock || other.owner != lock.owner || other.kind != lock.kind ||
                 !other.range.touches(lock.range)));
      }
      CHECK(seen == model);
    }
  }
}

} // namespace
} // namespace runnel::fs
