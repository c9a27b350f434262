// SPDX-License-Identifier: Apache-2.0
// B10 to B13: masks that others scan without a lock, and what membarrier asks of the switch (spec 1.4).
#include "tests/model/contract.hpp"

#include <catch2/catch.hpp>

using namespace runnel::model;

TEST_CASE("B10: who sees the count of overloaded CPUs sees which", "[C02][B10]") {
  check({
      .build =
          [](Program& p) {
            const Location mask = p.word("mask"), count = p.word("count");
            p.thread([=](Thread& t) {
              t.fetch_or(mask, 1, Order::kPlain);
              t.fence(Fence::kWrite, "A: write barrier between mask and count");
              t.fetch_add(count, 1, Order::kPlain);
            });
            p.thread([=](Thread& t) { // pull
              if (!t.branch(t.load(count) != 0)) return;
              t.fence(Fence::kRead, "B: read barrier between count and mask");
              t.observe("mask seen", t.load(mask));
            });
          },
      .works = [](const Outcome& o) { return o["mask seen"] == 1; },
      .bad = [](const Outcome& o) { return o["mask seen"] == 0; },
  });
}

namespace {

/// cpupri's move of a CPU from one vector to another: never in none.
Program::Body change_vector(Location from_count, Location from_mask, Location to_count, Location to_mask) {
  return [=](Thread& t) {
    t.fetch_or(to_mask, 1, Order::kPlain);
    t.fence(Fence::kFull, "A: full barrier between the new mask and the new count");
    t.fetch_add(to_count, 1, Order::kPlain);
    t.fence(Fence::kFull, "A: full barrier between the new count and the old count");
    t.fetch_add(from_count, -1, Order::kPlain);
    t.fence(Fence::kFull, "A: full barrier between the old count and the old mask");
    t.fetch_and(from_mask, 0, Order::kPlain);
  };
}

constexpr const char* kOldMaskReason = "a vector that counts a CPU it does not have costs a look, no more";

} // namespace

TEST_CASE("B11: a CPU whose priority rises is in some vector all the time", "[C02][B11]") {
  check({
      .build =
          [](Program& p) {
            const Location low = p.word("low count", 1), low_mask = p.word("low mask", 1);
            const Location high = p.word("high count"), high_mask = p.word("high mask");
            p.thread(change_vector(low, low_mask, high, high_mask));
            p.thread([=](Thread& t) { // the finder looks from low to high
              const bool skip = !t.branch(t.load(low) != 0);
              t.fence(Fence::kRead, "B: read barrier between a count and its mask");
              if (!skip && t.branch(t.load(low_mask) != 0)) return;
              t.fence(Fence::kRead, "B: read barrier between a mask and the next count");
              const bool none = !t.branch(t.load(high) != 0);
              t.fence(Fence::kRead, "B: read barrier between a count and its mask");
              const bool found = !none && t.branch(t.load(high_mask) != 0);
              t.observe("found high", found ? 1 : 0);
            });
          },
      .works = [](const Outcome& o) { return o["found high"] == 1; },
      .bad = [](const Outcome& o) { return o["found high"] == 0; },
      .covered =
          {{"A: full barrier between the new mask and the new count", "",
            "who finds the old vector empty is past the second barrier; the next test needs it"},
           {"A: full barrier between the old count and the old mask", "", kOldMaskReason},
           {"B: read barrier between a count and its mask", "",
            "the one between the vectors is behind both words of the low one; the next test needs it"}},
  });
}

TEST_CASE("B11: a read barrier in a vector whose count is not 0 is not enough", "[C02][B11]") {
  // The finder as the table of rules words it: `load count; read barrier; test mask`. The load of the next
  // count runs ahead, and the CPU is found in no vector.
  Program p;
  const Location low = p.word("low count", 1), low_mask = p.word("low mask", 1);
  const Location high = p.word("high count"), high_mask = p.word("high mask");
  p.thread(change_vector(low, low_mask, high, high_mask));
  p.thread([=](Thread& t) {
    const auto find_in = [&](Location count, Location mask) {
      if (!t.branch(t.load(count) != 0)) return false;
      t.fence(Fence::kRead);
      return t.branch(t.load(mask) != 0);
    };
    t.observe("found", find_in(low, low_mask) || find_in(high, high_mask) ? 1 : 0);
  });
  const auto lost = [](const Outcome& o) { return o["found"] == 0; };
  CHECK(explore(p, Machine::kAarch64).any(lost));
  CHECK_FALSE(explore(p, Machine::kX86).any(lost));
}

TEST_CASE("B11: who sees a vector count a CPU finds it there", "[C02][B11]") {
  check({
      .build =
          [](Program& p) {
            const Location low = p.word("low count"), low_mask = p.word("low mask");
            const Location high = p.word("high count", 1), high_mask = p.word("high mask", 1);
            p.thread(change_vector(high, high_mask, low, low_mask));
            p.thread([=](Thread& t) {
              if (!t.branch(t.load(low) != 0)) return;
              t.fence(Fence::kRead, "B: read barrier between a count and its mask");
              t.observe("found low", t.load(low_mask));
            });
          },
      .works = [](const Outcome& o) { return o["found low"] == 1; },
      .bad = [](const Outcome& o) { return o["found low"] == 0; },
      .covered = {{"A: full barrier between the new count and the old count", "",
                   "one vector is looked at here; the test before needs it"},
                  {"A: full barrier between the old count and the old mask", "", kOldMaskReason}},
  });
}

TEST_CASE("B12: a CPU that goes idle is seen by the scan, or leaves the flag set", "[C02][B12]") {
  check({
      .build =
          [](Program& p) {
            const Location idle_mask = p.word("idle mask"), has_blocked = p.word("has_blocked", 1);
            p.thread([=](Thread& t) { // entering tickless idle
              t.fetch_or(idle_mask, 1, Order::kPlain);
              t.fence(Fence::kFull, "A: full barrier between the mask and the flag");
              t.store(has_blocked, 1);
            });
            p.thread([=](Thread& t) { // the balancer
              t.store(has_blocked, 0);
              t.fence(Fence::kFull, "B: full barrier between the flag and the scan");
              t.observe("scanned", t.load(idle_mask));
            });
          },
      .works = [](const Outcome& o) { return o["scanned"] == 1 && o["has_blocked"] == 0; },
      .bad = [](const Outcome& o) { return o["scanned"] == 0 && o["has_blocked"] == 0; },
      .x86_needs = {"B: full barrier between the flag and the scan"},
  });
}

namespace {

constexpr int kOther = 1, kOurs = 2; // whose thread rq.curr is

/// membarrier(): y is stored before, x loaded after; CPUs whose curr is ours are interrupted. `curr_seen` is
/// the case looked at.
Program::Body membarrier(Location x, Location y, Location curr, int curr_seen) {
  return [=](Thread& t) {
    t.store(y, 1);
    t.fence(Fence::kFull, "B: full barrier before curr is read");
    t.require(t.load(curr) == curr_seen);
    t.fence(Fence::kFull, "B: full barrier after curr was read");
    t.observe("x seen", t.load(x));
  };
}

bool both_missed(const Outcome& o) { return o["x seen"] == 0 && o["y seen"] == 0; }

} // namespace

TEST_CASE("B13: a thread that is switched out has done what it did", "[C02][B13]") {
  check({
      .build =
          [](Program& p) {
            const Location x = p.word("x"), y = p.word("y"), curr = p.word("curr", kOurs);
            p.thread([=](Thread& t) {
              t.store(x, 1); // user mode
              t.observe("y seen", t.load(y));
              t.fence(Fence::kFull, "A: full barrier between user mode and curr");
              t.store(curr, kOther);
            });
            p.thread(membarrier(x, y, curr, kOther));
          },
      .works = [](const Outcome& o) { return o["x seen"] == 1 && o["y seen"] == 0; },
      .bad = both_missed,
      .covered = {{"B: full barrier before curr is read", "", "it is for the thread that is switched in"}},
  });
}

TEST_CASE("B13: a thread that is switched in sees what was before", "[C02][B13]") {
  check({
      .build =
          [](Program& p) {
            const Location x = p.word("x"), y = p.word("y"), curr = p.word("curr", kOther);
            p.thread([=](Thread& t) {
              t.store(curr, kOurs);
              t.fence(Fence::kFull, "A: full barrier between curr and user mode");
              t.store(x, 1); // user mode
              t.observe("y seen", t.load(y));
            });
            p.thread(membarrier(x, y, curr, kOther));
          },
      .works = [](const Outcome& o) { return o["x seen"] == 0 && o["y seen"] == 1; },
      .bad = both_missed,
      .covered = {{"B: full barrier after curr was read", "", "it is for the thread that is switched out"}},
      .x86_needs = {"A: full barrier between curr and user mode", "B: full barrier before curr is read"},
  });
}

TEST_CASE("B13: a thread that runs is interrupted", "[C02][B13]") {
  check({
      .build =
          [](Program& p) {
            const Location x = p.word("x"), y = p.word("y"), curr = p.word("curr", kOurs);
            const Location ipi = p.word("ipi"), done = p.word("done");
            p.thread([=](Thread& t) {
              bool taken = false;
              const auto maybe_interrupted = [&] { // anywhere in user mode, once
                if (taken || !t.branch(t.load(ipi) == 1)) return;
                taken = true;
                t.fence(Fence::kFull, "A: full barrier in the interrupt");
                t.store(done, 1);
              };
              maybe_interrupted();
              t.store(x, 1);
              maybe_interrupted();
              t.observe("y seen", t.load(y));
              maybe_interrupted();
            });
            p.thread([=](Thread& t) {
              t.store(y, 1);
              t.fence(Fence::kFull, "B: full barrier before the interrupt is sent");
              t.require(t.load(curr) == kOurs);
              t.store(ipi, 1);
              t.await(done, [](const Expr& v) { return v == 1; });
              t.fence(Fence::kFull, "B: full barrier after it was answered");
              t.observe("x seen", t.load(x));
            });
          },
      .works = [](const Outcome& o) { return o["x seen"] == 1 && o["y seen"] == 0; },
      .bad = both_missed,
  });
}
