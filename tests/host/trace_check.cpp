// SPDX-License-Identifier: Apache-2.0
// The checker of a trace's invariants (spec sched_core 8.2, property O01): each violation is found and named,
// and nothing that may happen is taken for one.
#include "qemu/trace/check.hpp"

#include "tests/trace_rings.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::qemu;
using namespace runnel::test_rings;

namespace {

std::vector<std::string> found_in(const Rings& rings) {
  std::vector<std::string> found;
  for (const Violation& v : check_trace(rings.log()))
    found.push_back(std::string(to_string(v.rule)) + ": " + v.text);
  return found;
}

using Texts = std::vector<std::string>;

/// Two CPUs: 5 sleeps and is woken over, 6 is preempted and moves, 7 yields.
Rings sound() {
  Rings rings;
  rings.name(5, "five").name(6, "six").name(7, "seven");
  rings.switches(100, 0, 0, 0, 5).switches(200, 0, 5, kSleeps, 6);
  rings.switches(150, 1, 0, 0, 7)
      .waking(300, 1, 5, 0)
      .wakeup(310, 0, 5, 0)
      .switches(320, 0, 6, kPreempted, 5);
  rings.add({330, EventType::kSchedMigrateTask, 1, 6, 0, 1});
  rings.switches(340, 1, 7, 0, 6).switches(400, 1, 6, kSleeps, 7);
  return rings;
}

} // namespace

TEST_CASE("trace check: a sound trace has no violations", "[trace][O01]") {
  CHECK(found_in(sound()) == Texts{});
}

TEST_CASE("trace check: the next of a switch is the prev of the following", "[trace][O01]") {
  Rings rings = sound();
  rings.switches(500, 0, 8, kSleeps, 0);
  CHECK(found_in(rings) ==
        Texts{"chain: cpu 0: the switch at 0.000000500 leaves <...>/8, but the one before it, at "
              "0.000000320, went to five/5"});
}

TEST_CASE("trace check: a task is on one CPU only", "[trace][O01]") {
  SECTION("it never leaves the first") {
    Rings rings = sound();
    rings.switches(500, 1, 7, kPreempted, 5);
    CHECK(found_in(rings) ==
          Texts{"one-cpu: five/5 runs on cpu 1 from 0.000000500, although cpu 0 never leaves it"});
  }
  SECTION("it leaves the first too late") {
    Rings rings = sound();
    rings.switches(500, 1, 7, kPreempted, 5).switches(501, 0, 5, kPreempted, 0);
    CHECK(
        found_in(rings) ==
        Texts{
            "one-cpu: five/5 runs on cpu 1 from 0.000000500, although cpu 0 leaves it only at 0.000000501"});
  }
  SECTION("it ran on two when the trace began") {
    Rings rings;
    rings.switches(100, 0, 5, kPreempted, 0).switches(200, 1, 5, kPreempted, 0);
    CHECK(found_in(rings) == Texts{"one-cpu: <...>/5 runs on cpu 1 from the beginning, although cpu 0 leaves "
                                   "it only at 0.000000100"});
  }
  SECTION("a long stay is not forgotten behind a short one") {
    Rings rings;
    rings.switches(100, 0, 0, 0, 5).switches(110, 1, 0, 0, 6).switches(900, 0, 5, kPreempted, 0);
    rings.switches(120, 2, 0, 0, 5).switches(130, 2, 5, kPreempted, 0);
    rings.switches(140, 3, 0, 0, 5).switches(150, 3, 5, kPreempted, 0);
    CHECK(found_in(rings).size() == 2);
  }
  SECTION("leaving and arriving at the same moment is no violation, whichever CPU comes first") {
    Rings rings;
    rings.switches(100, 1, 0, 0, 5).switches(200, 1, 5, kPreempted, 0);
    rings.switches(200, 0, 0, 0, 5).switches(300, 0, 5, kPreempted, 0).switches(300, 1, 0, 0, 5);
    CHECK(found_in(rings) == Texts{});
  }
}

TEST_CASE("trace check: waking precedes wakeup", "[trace][O01]") {
  Rings rings = sound();
  rings.switches(500, 0, 5, kSleeps, 0).wakeup(600, 0, 5, 0).switches(610, 0, 0, 0, 5);
  CHECK(found_in(rings) ==
        Texts{"waking-first: five/5 has a wakeup at 0.000000600 (cpu 0) without a waking before it"});

  Rings late = sound();
  late.switches(500, 0, 5, kSleeps, 0).wakeup(600, 0, 5, 0).waking(601, 1, 5, 0);
  CHECK(found_in(late).size() == 1);

  Rings together = sound();
  together.switches(500, 0, 5, kSleeps, 0)
      .wakeup(600, 0, 5, 0)
      .waking(600, 1, 5, 0)
      .switches(610, 0, 0, 0, 5);
  CHECK(found_in(together) == Texts{});

  Rings fresh; // the first wakeup of a new task is its own waking
  fresh.add({10, EventType::kSchedWakeupNew, 0, 9, 0, 0}).switches(20, 0, 0, 0, 9);
  CHECK(found_in(fresh) == Texts{});
}

TEST_CASE("trace check: who left in state R stays queued", "[trace][O01]") {
  Rings rings = sound();
  rings.waking(500, 0, 7, 0)
      .wakeup(510, 0, 7, 0); // 7 runs since 400; it had left in R at 340, and was not woken then
  CHECK(found_in(rings) == Texts{});

  Rings absent = sound();
  absent.switches(500, 1, 7, 0, 0).waking(600, 0, 7, 1).wakeup(610, 1, 7, 1);
  CHECK(found_in(absent) ==
        Texts{"stays-queued: seven/7 left cpu 1 at 0.000000500 in state R, but is woken at "
              "0.000000600 before it ran again"});

  Rings preempted = sound(); // with + it may have been about to sleep
  preempted.switches(500, 1, 7, kPreempted, 0).waking(600, 0, 7, 1).wakeup(610, 1, 7, 1);
  CHECK(found_in(preempted) == Texts{});

  Rings overtaken = sound(); // the waker found it asleep before it left, and only now sets its state back
  overtaken.waking(499, 0, 7, 1).switches(500, 1, 7, 0, 0).wakeup(510, 0, 7, 1);
  CHECK(found_in(overtaken) == Texts{});
}

TEST_CASE("trace check: who sleeps does not run before it is woken", "[trace][O01]") {
  Rings rings = sound();
  rings.switches(500, 0, 5, 2, 0).switches(600, 0, 0, 0, 5);
  CHECK(found_in(rings) == Texts{"sleeps-until-woken: five/5 runs on cpu 0 at 0.000000600, but left cpu 0 at "
                                 "0.000000500 in state D and was not woken since"});
}

TEST_CASE("trace check: damage of the rings is reported", "[trace][O01]") {
  Rings rings;
  rings.waking(20, 0, 5, 0).waking(10, 0, 5, 0);
  CHECK(found_in(rings) == Texts{"ring: cpu 0: event 1 is 10 ns earlier than the one before it"});
}

TEST_CASE("trace check: what was overwritten is not held against the trace", "[trace][O01]") {
  Rings rings;
  // CPU 1 lost everything before 250: among it that 5 left CPU 1 and was woken to CPU 0.
  rings.switches(100, 0, 0, 0, 5).wakeup(110, 0, 6, 0).switches(260, 0, 5, kSleeps, 6);
  rings.switches(250, 1, 5, kPreempted, 0).lose(1, 40);
  CHECK(found_in(rings) == Texts{});
  rings.lose(1, 0);
  CHECK(found_in(rings).size() == 1); // the same, had nothing been lost
}

TEST_CASE("trace check: after the last overwritten event everything counts again", "[trace][O01]") {
  Rings rings;
  rings.switches(250, 1, 5, kPreempted, 0).switches(300, 1, 6, kPreempted, 0).lose(1, 40);
  CHECK(found_in(rings).size() == 1);
}
