// SPDX-License-Identifier: Apache-2.0
// What a trace's events add up to: slices with their reasons, wake-ups with their latencies, waits,
// interrupts.
#include "qemu/trace/timeline.hpp"

#include "tests/trace_rings.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::qemu;
using namespace runnel::test_rings;

TEST_CASE("trace timeline: slices go from switch to switch, with the pick that began them", "[trace]") {
  Rings rings;
  rings.pick(95, 0, 5, -7, 8).switches(100, 0, 6, kPreempted, 5, PickReason::kEarliestEligible, 120, 115);
  rings.pick(190, 0, 9, 1, 2).switches(200, 0, 5, kSleeps, 0, PickReason::kIdle); // that pick led to nothing
  const Timeline line = make_timeline(rings.log());
  CHECK(line.start_ns == 95);
  CHECK(line.end_ns == 200);
  CHECK(line.cpus == std::vector<u32>{0});
  CHECK(line.pids == std::vector<u32>{5, 6, 9});
  REQUIRE(line.slices.size() == 3);
  const Slice &before = line.slices[0], &slice = line.slices[1], &idle = line.slices[2];
  CHECK(before.pid == 6); // ran when the trace began
  CHECK(before.start_ns == 95);
  CHECK(before.end_state == kPreempted);
  CHECK(slice.pid == 5);
  CHECK(slice.start_ns == 100);
  CHECK(slice.end_ns == 200);
  CHECK(slice.prio == 115);
  CHECK(slice.reason == PickReason::kEarliestEligible);
  CHECK(slice.has_values);
  CHECK(static_cast<i64>(slice.a) == -7);
  CHECK(slice.b == 8);
  CHECK(slice.end_state == kSleeps);
  CHECK(idle.pid == 0);
  CHECK(idle.reason == PickReason::kIdle);
  CHECK_FALSE(idle.has_values);
  CHECK_FALSE(idle.end_state); // still idle
}

TEST_CASE("trace timeline: a wake-up lasts from waking until the task runs", "[trace]") {
  Rings rings;
  rings.switches(100, 0, 5, kSleeps, 6).switches(90, 1, 0, 0, 7);
  rings.add({120, EventType::kIrqEntry, 1, 0, 0, 0}).waking(130, 1, 5, 0);
  rings.add({140, EventType::kIrqExit, 1, 0, 0, 0}).wakeup(150, 0, 5, 0);
  rings.switches(180, 0, 6, kPreempted, 5);
  const Timeline line = make_timeline(rings.log());
  REQUIRE(line.wakeups.size() == 1);
  const Wakeup& w = line.wakeups[0];
  CHECK(w.pid == 5);
  CHECK(w.ran());
  CHECK(w.latency_ns() == 50);
  CHECK(w.waker_cpu == 1);
  CHECK(w.waker_pid == 7);
  CHECK(w.by_interrupt);
  CHECK_FALSE(w.first);
  CHECK(w.target_cpu == 0);
  CHECK(w.run_cpu == 0);
  REQUIRE(line.waits.size() == 2);
  CHECK(line.waits[0].pid == 5);
  CHECK(line.waits[0].start_ns == 130);
  CHECK(line.waits[0].end_ns == 180);
  CHECK(line.waits[0].woken);
  CHECK(line.waits[1].pid == 6); // preempted, and waits until the trace ends
  CHECK_FALSE(line.waits[1].woken);
  REQUIRE(line.interrupts.size() == 1);
  CHECK(line.interrupts[0].start_ns == 120);
  CHECK(line.interrupts[0].end_ns == 140);
}

TEST_CASE("trace timeline: a task that was still on its CPU when it was woken has not waited", "[trace]") {
  Rings rings;
  rings.switches(100, 0, 0, 0, 5)
      .waking(110, 1, 5, 0)
      .wakeup(120, 1, 5, 0)
      .switches(200, 0, 5, kPreempted, 6);
  rings.switches(300, 0, 6, kSleeps, 5);
  const Timeline line = make_timeline(rings.log());
  CHECK(line.wakeups.empty());
  REQUIRE(line.waits.size() == 1);
  CHECK(line.waits[0].start_ns == 200);
  CHECK_FALSE(line.waits[0].woken);
}

TEST_CASE("trace timeline: woken while it was leaving, it waits from when it has left", "[trace]") {
  Rings rings;
  rings.switches(100, 0, 0, 0, 5).waking(190, 1, 5, 0).switches(200, 0, 5, kSleeps, 6).wakeup(210, 0, 5, 0);
  rings.switches(300, 0, 6, kSleeps, 5);
  const Timeline line = make_timeline(rings.log());
  REQUIRE(line.wakeups.size() == 1);
  CHECK(line.wakeups[0].latency_ns() == 110);
  REQUIRE(line.waits.size() == 1);
  CHECK(line.waits[0].start_ns == 200);
  CHECK(line.waits[0].woken);
}

TEST_CASE("trace timeline: first wake-ups and those that never ran are told apart", "[trace]") {
  Rings rings;
  rings.switches(90, 0, 0, 0, 7);
  rings.add({100, EventType::kSchedWakeupNew, 0, 5, trace::pack_prio(1, 120), 0}).switches(150, 1, 0, 0, 5);
  rings.waking(200, 0, 6, 0).wakeup(210, 0, 6, 0);
  const Timeline line = make_timeline(rings.log());
  REQUIRE(line.wakeups.size() == 2);
  CHECK(line.wakeups[0].first);
  CHECK(line.wakeups[0].latency_ns() == 50);
  CHECK(line.wakeups[0].run_cpu == 1);
  CHECK_FALSE(line.wakeups[1].ran());
}

TEST_CASE("trace timeline: what else happened is kept as it is", "[trace]") {
  Rings rings;
  rings.switches(90, 0, 0, 0, 7).add({100, EventType::kDeadlineMiss, 0, 7, 80, 20});
  rings.add({110, EventType::kDlThrottle, 0, kServerPid, 0, 0});
  const Timeline line = make_timeline(rings.log());
  REQUIRE(line.marks.size() == 2);
  CHECK(line.marks[0].event.type == EventType::kDeadlineMiss);
  CHECK(line.marks[0].running_pid == 7);
  CHECK(line.pids == std::vector<u32>{7}); // a server is no thread
}

TEST_CASE("trace timeline: nothing comes of nothing", "[trace]") {
  const Timeline line = make_timeline(TraceLog{});
  CHECK(line.slices.empty());
  CHECK(line.start_ns == line.end_ns);
}
