// SPDX-License-Identifier: Apache-2.0
// Mutexes, conditions, barriers and semaphores of a workload as state machines, and the latency histogram.
#include "kernel/workload/histogram.hpp"
#include "kernel/workload/objects.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace runnel;
using namespace runnel::workload;

namespace {
struct Woken {
  std::vector<const Waiter*> list;
  void operator()(Waiter& waiter) { list.push_back(&waiter); }
};
} // namespace

TEST_CASE("workload objects: signals let go in the order of arrival, one each", "[workload]") {
  ConditionObject condition;
  Waiter a, b, c;
  Woken woken;
  const auto wake = [&](Waiter& w) { woken(w); };
  CHECK_FALSE(signal(condition, wake)); // nobody waits: lost
  for (Waiter* w : {&a, &b, &c}) condition.waiters.push_back(*w);
  CHECK(signal(condition, wake));
  CHECK(woken.list == std::vector<const Waiter*>{&a});
  broadcast(condition, wake);
  CHECK(woken.list == std::vector<const Waiter*>{&a, &b, &c});
  CHECK_FALSE(signal(condition, wake));
}

TEST_CASE("workload objects: barriers, semaphores, suspension", "[workload]") {
  Waiter a, b, c;
  Woken woken;
  const auto wake = [&](Waiter& w) { woken(w); };
  BarrierObject barrier{.users = 3, .waiting = 0, .waiters = {}};
  for (int round = 0; round < 2; ++round) {
    woken.list.clear();
    CHECK(arrive(barrier, a, wake) == Outcome::kMustWait);
    CHECK(arrive(barrier, b, wake) == Outcome::kMustWait);
    CHECK(arrive(barrier, c, wake) == Outcome::kGoOn);
    CHECK(woken.list == std::vector<const Waiter*>{&a, &b});
  }
  woken.list.clear();
  SemaphoreObject semaphore;
  sem_post(semaphore, wake);
  CHECK(sem_wait(semaphore, a) == Outcome::kGoOn); // a post before the wait is remembered
  CHECK(sem_wait(semaphore, a) == Outcome::kMustWait);
  sem_post(semaphore, wake);
  CHECK(woken.list == std::vector<const Waiter*>{&a});
  CHECK(semaphore.count == 0);

  WaitList suspended;
  resume(suspended, wake); // finds nobody, is lost
  suspended.push_back(b);
  suspended.push_back(c);
  woken.list.clear();
  resume(suspended, wake);
  CHECK(woken.list == std::vector<const Waiter*>{&b, &c});
  CHECK(suspended.empty());
}

TEST_CASE("workload histogram: buckets tile the numbers and keep the stated error", "[workload]") {
  for (u32 bucket = 0; bucket + 1 < Histogram::kBuckets; ++bucket) {
    const u64 top = Histogram::upper_bound_of(bucket);
    REQUIRE(Histogram::bucket_of(top) == bucket);
    REQUIRE(Histogram::bucket_of(top + 1) == bucket + 1);
  }
  CHECK(Histogram::bucket_of(~u64{0}) == Histogram::kBuckets - 1);
}

TEST_CASE("workload histogram: percentiles against the sorted values", "[workload]") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 50; ++round) {
    Histogram all, left, right;
    std::vector<u64> values;
    const u32 shift = static_cast<u32>(random() % 40) + 24;
    const usize count = 1 + random() % 500;
    for (usize i = 0; i < count; ++i) {
      values.push_back(random() >> shift);
      all.add(values.back());
      (i % 2 != 0 ? left : right).add(values.back());
    }
    left.merge(right);
    std::ranges::sort(values);
    CHECK(all.min() == values.front());
    CHECK(all.max() == values.back());
    for (const u32 percent : {1u, 50u, 90u, 99u, 100u}) {
      const u64 exact = values[std::max<usize>((values.size() * percent + 99) / 100, 1) - 1];
      const u64 shown = all.percentile(percent);
      CHECK(shown >= exact);
      CHECK(shown <= exact + exact / 32);
      CHECK(left.percentile(percent) == shown);
    }
  }
  CHECK(Histogram().percentile(99) == 0);
}
