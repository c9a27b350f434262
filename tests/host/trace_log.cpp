// SPDX-License-Identifier: Apache-2.0
// Reading rings of scheduling events: order, names, losses, damage.
#include "tests/trace_rings.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::qemu;
using namespace runnel::test_rings;

TEST_CASE("trace log: rings are merged by time, names resolved", "[trace]") {
  Rings rings;
  rings.name(5, "hog").switches(30, 0, 5, kSleeps, 0).waking(40, 0, 7, 1);
  rings.switches(25, 1, 0, 0, 5).wakeup(40, 1, 7, 1);
  const TraceLog log = rings.log();
  REQUIRE(log.events.size() == 4); // names are no events
  CHECK(log.events[0].time_ns == 25);
  CHECK(log.events[1].time_ns == 30);
  CHECK(log.events[2].cpu == 0); // equal times: by CPU
  CHECK(log.events[3].cpu == 1);
  CHECK(log.name_of(5, 0) == "hog");
  CHECK(log.name_of(0, 3) == "swapper/3");
  CHECK(log.name_of(7, 0) == "<...>");
  CHECK(log.written.at(0) == 3);
  CHECK(log.lost.empty());
  CHECK(log.lost_events() == 0);
  CHECK(log.damage.empty());
}

TEST_CASE("trace log: events of one CPU with the same time keep their order", "[trace]") {
  Rings rings;
  for (u32 i = 0; i < 100; ++i) rings.add({7, EventType::kMark, 0, i, i, 0});
  const TraceLog log = rings.log();
  for (u32 i = 0; i < 100; ++i) CHECK(log.events[i].pid == i);
}

TEST_CASE("trace log: what a full ring has overwritten is counted, and from when on nothing is missing",
          "[trace]") {
  Rings rings;
  rings.waking(1000, 0, 5, 0).waking(2000, 0, 5, 0).waking(3000, 0, 5, 0).lose(0, 7);
  rings.waking(500, 1, 5, 0).waking(2500, 1, 5, 0);
  rings.waking(1500, 2, 5, 0).waking(1600, 2, 5, 0).lose(2, 1);
  const TraceLog log = rings.log();
  CHECK(log.events.size() == 7);
  CHECK(log.lost.at(0) == 7);
  CHECK(log.lost.at(2) == 1);
  CHECK_FALSE(log.lost.contains(1));
  CHECK(log.lost_events() == 8);
  CHECK(log.written.at(0) == 10);
  CHECK(log.complete_from_ns == 1500);
  CHECK(log.events.front().time_ns == 500); // the oldest first, although its slot is not the first
  CHECK(log.events[1].time_ns == 1000);
}

TEST_CASE("trace log: damaged rings are refused", "[trace]") {
  CHECK_THROWS(read_rings({{"trace.cpu0", "short"}}));
  CHECK_THROWS(read_rings({{"trace.cpu0", std::string(4096, 'x')}}));
  CHECK_THROWS(read_rings({{"trace.cpu1", ring_bytes(0, 4, 0, {})}})); // another CPU's
  for (const u32 capacity : {0u, 5u, 1000u, ~0u}) {
    std::string lies = ring_bytes(0, 4, 9, {});
    std::memcpy(lies.data() + offsetof(trace::RingHeader, capacity), &capacity, sizeof capacity);
    CHECK_THROWS(read_rings({{"trace.cpu0", lies}}));
  }
  CHECK(read_rings({{"other", "x"}}).events.empty());
}

TEST_CASE("trace log: disorder within a ring is said", "[trace]") {
  Rings rings;
  rings.waking(20, 0, 5, 0).waking(10, 0, 5, 0);
  std::vector<Event> foreign = {{30, EventType::kMark, 3, 5, 0, 0}};
  auto bulk = rings.bulk();
  bulk["trace.cpu1"] = ring_bytes(1, 4, 1, foreign);
  const TraceLog log = read_rings(bulk);
  REQUIRE(log.damage.size() == 2);
  CHECK(log.damage[0] == "cpu 0: event 1 is 10 ns earlier than the one before it");
  CHECK(log.damage[1] == "cpu 1: event 0 says it is CPU 3's");
}
