// SPDX-License-Identifier: Apache-2.0
// The trace as ftrace's text (spec sched_core 8.2), byte for byte, and as a reader of such text takes it
// (O02).
#include "qemu/trace/text.hpp"

#include "tests/trace_rings.hpp"

#include <catch2/catch.hpp>
#include <regex>
#include <sstream>

using namespace runnel;
using namespace runnel::qemu;
using namespace runnel::test_rings;

namespace {

/// The lines after the header.
std::vector<std::string> lines_of(const Rings& rings) {
  std::istringstream text(to_text(rings.log()));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);)
    if (!line.starts_with('#')) lines.push_back(line);
  return lines;
}

/// What stands behind the time stamp of the only line.
std::string body_of(const Event& event) {
  Rings rings;
  rings.name(5, "hog").name(6, "child").add(event);
  const auto lines = lines_of(rings);
  REQUIRE(lines.size() == 1);
  return lines[0].substr(lines[0].find(": ") + 2);
}

} // namespace

TEST_CASE("trace text: the header is ftrace's, and says what was lost", "[trace][O02]") {
  Rings rings;
  rings.waking(1, 0, 5, 0).waking(2, 1, 5, 0).lose(1, 3);
  const std::string text = to_text(rings.log());
  CHECK(text.substr(0, text.find("\n  ")) ==
        "# tracer: nop\n"
        "#\n"
        "# entries-in-buffer/entries-written: 2/5   #P:2\n"
        "# cpu 1: the oldest 3 events were overwritten\n"
        "#\n"
        "#                                _-----=> irqs-off/BH-disabled\n"
        "#                               / _----=> need-resched\n"
        "#                              | / _---=> hardirq/softirq\n"
        "#                              || / _--=> preempt-depth\n"
        "#                              ||| / _-=> migrate-disable\n"
        "#                              |||| /     delay\n"
        "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
        "#              | |         |   |||||     |         |");
}

TEST_CASE("trace text: whole lines, to the byte", "[trace][O02]") {
  Rings rings;
  rings.name(5, "hog").name(12, "audio-0", 1);
  rings.switches(1'234'567'499, 1, 0, 0, 5, PickReason::kOnlyOne, 120, 100);
  rings.add({1'300'000'000, EventType::kIrqEntry, 1, 0, 0, 0});
  rings.waking(1'300'000'500, 1, 12, 1, -1).wakeup(1'300'001'000, 1, 12, 1, -1);
  rings.add({1'300'002'000, EventType::kIrqExit, 1, 0, 0, 0});
  rings.switches(1'300'003'000, 1, 5, kPreempted, 12, PickReason::kEarliestDeadline, 100, -1);
  const std::vector<std::string> expected = {
      "          <idle>-0       [001] d..2.     1.234567: sched_switch: prev_comm=swapper/1 prev_pid=0 "
      "prev_prio=120 "
      "prev_state=R ==> next_comm=hog next_pid=5 next_prio=100",
      "             hog-5       [001] d.h..     1.300000: irq_handler_entry: irq=0 name=timer",
      "             hog-5       [001] d.h..     1.300001: sched_waking: comm=audio-0 pid=12 prio=-1 "
      "target_cpu=001",
      "             hog-5       [001] d.h..     1.300001: sched_wakeup: comm=audio-0 pid=12 prio=-1 "
      "target_cpu=001",
      "             hog-5       [001] d.h..     1.300002: irq_handler_exit: irq=0 ret=handled",
      "             hog-5       [001] d..2.     1.300003: sched_switch: prev_comm=hog prev_pid=5 "
      "prev_prio=100 "
      "prev_state=R+ ==> next_comm=audio-0 next_pid=12 next_prio=-1",
  };
  CHECK(lines_of(rings) == expected);
}

TEST_CASE("trace text: the fields of every event", "[trace][O02]") {
  using enum EventType;
  const u64 prio = trace::pack_prio(2, 105);
  CHECK(body_of({1, kSchedWakeupNew, 0, 5, prio, 0}) ==
        "sched_wakeup_new: comm=hog pid=5 prio=105 target_cpu=002");
  CHECK(body_of({1, kSchedMigrateTask, 0, 5, prio, 3}) ==
        "sched_migrate_task: comm=hog pid=5 prio=105 orig_cpu=2 dest_cpu=3");
  CHECK(body_of({1, kProcessExit, 0, 5, trace::pack_prio(0, 120), 0}) ==
        "sched_process_exit: comm=hog pid=5 prio=120 group_dead=true");
  CHECK(body_of({1, kSchedStatRuntime, 0, 5, 1'000'000, 0}) ==
        "sched_stat_runtime: comm=hog pid=5 runtime=1000000 [ns]");
  CHECK(body_of({1, kSchedPiSetprio, 0, 5, 120, static_cast<u64>(-1)}) ==
        "sched_pi_setprio: comm=hog pid=5 oldprio=120 newprio=-1");
  CHECK(body_of({1, kProcessFork, 0, 5, 6, 0}) ==
        "sched_process_fork: comm=hog pid=5 child_comm=child child_pid=6");
  CHECK(body_of({1, kSchedWakeIdleWithoutIpi, 0, 0, 3, 0}) == "sched_wake_idle_without_ipi: cpu=3");
  CHECK(body_of({1, kIrqEntry, 0, 0, 1, 0}) == "ipi_entry: (reschedule)");
  CHECK(body_of({1, kIrqExit, 0, 0, 1, 2}) == "ipi_exit: (irq-work)");
  CHECK(body_of({1, kIrqEntry, 0, 0, 2, 33}) == "irq_handler_entry: irq=33 name=device");
  // Without a text of its own in ftrace: marks.
  CHECK(body_of({1, kDlReplenish, 0, 5, static_cast<u64>(-3), 900}) ==
        "tracing_mark_write: I|0|dl_replenish pid=5 runtime=-3 deadline=900");
  CHECK(body_of({1, kDlThrottle, 0, 1u << 31, 0, 900}) ==
        "tracing_mark_write: I|0|dl_throttle server runtime=0 deadline=900");
  CHECK(body_of({1, kDeadlineMiss, 0, 5, 900, 42}) ==
        "tracing_mark_write: I|5|deadline_miss pid=5 deadline=900 late=42");
  CHECK(body_of({1, kSchedProxy, 0, 5, 6, 0}) == "tracing_mark_write: I|0|sched_proxy pid=5 donor=6");
  CHECK(body_of({1, kMark, 0, 5, 17, 0}) == "tracing_mark_write: I|5|mark 17");
  CHECK(body_of({1, static_cast<EventType>(77), 0, 5, 1, 2}) ==
        "tracing_mark_write: I|0|event 77 pid=5 a=0x1 b=0x2");
}

TEST_CASE("trace text: letters of prev_state", "[trace][O02]") {
  const auto [state, letters] = GENERATE(table<u32, std::string>({{0, "R"},
                                                                  {1, "S"},
                                                                  {2, "D"},
                                                                  {4, "T"},
                                                                  {8, "t"},
                                                                  {0x10, "X"},
                                                                  {0x20, "Z"},
                                                                  {0x40, "P"},
                                                                  {0x80, "I"},
                                                                  {0x100, "R+"},
                                                                  {3, "S|D"},
                                                                  {0x101, "S+"}}));
  CHECK(state_letters(state) == letters);
  Rings rings;
  rings.switches(1, 0, 5, state, 0);
  CHECK(lines_of(rings)[0].find(" prev_state=" + letters + " ==> ") != std::string::npos);
}

TEST_CASE("trace text: a thread that has exited leaves as X", "[trace][O02]") {
  Rings rings;
  rings.add({1, EventType::kProcessExit, 0, 5, 0, 0}).switches(2, 0, 5, 0x80, 0);
  CHECK(lines_of(rings)[1].find(" prev_state=X ==> ") != std::string::npos);
}

TEST_CASE("trace text: a pick is shown with the reason its switch has, and its values", "[trace]") {
  Rings rings;
  rings.pick(10, 0, 6, -2500, 300).switches(11, 0, 0, 0, 6, PickReason::kEarliestEligible);
  rings.pick(20, 0, 7, 0, 0).switches(21, 0, 6, kSleeps, 8, PickReason::kRtHighest); // no switch to 7 follows
  const auto lines = lines_of(rings);
  CHECK(lines[0].ends_with(": tracing_mark_write: I|0|sched_pick pid=6 reason=earliest-eligible "
                           "virtual deadline - V = -2500 ns, lag = 300 ns"));
  CHECK(lines[2].ends_with(": tracing_mark_write: I|6|sched_pick pid=7 reason=none"));
}

TEST_CASE("trace text: names cannot break a line or forge a field", "[trace][O02]") {
  Rings rings;
  rings.name(5, "a b=c\nd\te").waking(1, 0, 5, 0);
  const auto lines = lines_of(rings);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].ends_with("sched_waking: comm=a_b_c_d_e pid=5 prio=120 target_cpu=000"));
}

// How Perfetto's importer of such text takes a line apart (its tokenizer's grammar, of either version: four
// flag characters or five): task, pid, cpu, flags, time, event; then fields cut at blanks and at '='.
TEST_CASE("trace text: an importer finds every part of every line", "[trace][O02]") {
  static const std::regex line_form(
      R"(-(\d+)\s+\(?\s*(\d+|-+)?\)?\s?\[(\d+)\]\s*[a-zA-Z0-9.]{0,5}\s+(\d+\.\d+):\s+(\S+):)");
  Rings rings;
  rings.name(5, "odd-1 [3] 1.0: x").name(6, "-- - =>");
  u64 time = 0;
  for (u16 type = 2; type <= static_cast<u16>(EventType::kMark) + 1; ++type)
    rings.add({++time * 1'000'000, static_cast<EventType>(type), static_cast<u16>(type % 2), 5u + type % 2,
               trace::pack_prio(6, 120, 120), 3});
  const auto lines = lines_of(rings);
  REQUIRE(lines.size() == static_cast<u16>(EventType::kMark));
  for (const std::string& line : lines) {
    INFO(line);
    std::smatch parts;
    REQUIRE(std::regex_search(line, parts, line_form));
    CHECK(std::stoul(parts[3]) < 2);
    const std::string event = parts[5], fields = parts.suffix();
    if (event == "sched_switch")
      for (const char* key : {" prev_comm=", " prev_pid=", " prev_prio=", " prev_state=", " next_comm=",
                              " next_pid=", " next_prio="})
        CHECK(fields.find(key) != std::string::npos);
    else if (event == "sched_waking")
      CHECK(std::regex_match(fields, std::regex(R"( comm=\S+ pid=\d+ prio=-?\d+ target_cpu=\d{3})")));
    else if (event == "tracing_mark_write")
      CHECK(std::regex_match(fields, std::regex(R"( I\|\d+\|[^|\n]+)")));
  }
}
