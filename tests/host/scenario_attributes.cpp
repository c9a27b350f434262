// SPDX-License-Identifier: Apache-2.0
// Scheduling attributes of tasks and phases: what is asked of the scheduler, what a phase inherits, and every
// refusal with its place.
#include "qemu/scenario/scenario.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::scenario;

namespace {

/// One task "t" with these members.
Outcome read(std::string_view members, std::string_view global = "\"duration\": 1") {
  return read_scenario("{ \"tasks\": { \"t\": {\n" + std::string(members) + "\n} }, \"global\": { " +
                           std::string(global) + " } }",
                       "s.json", {});
}
std::string messages(const Outcome& outcome, Severity severity) {
  std::string out;
  for (const Message& m : outcome.messages)
    if (m.severity == severity) out += (out.empty() ? "" : "\n") + to_string(m);
  return out;
}
std::string errors(std::string_view members) { return messages(read(members), Severity::kError); }
std::string warnings(std::string_view members) {
  const Outcome outcome = read(members);
  CHECK(messages(outcome, Severity::kError) == "");
  return messages(outcome, Severity::kWarning);
}
Task task(std::string_view members, std::string_view global = "\"duration\": 1") {
  const Outcome outcome = read(members, global);
  INFO(messages(outcome, Severity::kError) << messages(outcome, Severity::kWarning));
  REQUIRE(outcome.scenario);
  CHECK(outcome.messages.empty());
  return outcome.scenario->tasks[0];
}
SchedParams params(std::string_view members, std::string_view global = "\"duration\": 1") {
  const Task t = task(members, global);
  REQUIRE(t.attributes.sched);
  return *t.attributes.sched;
}

} // namespace

TEST_CASE("scenario attributes: each policy takes what belongs to it", "[scenario]") {
  CHECK(params("\"run\": 1") == SchedParams{});
  CHECK(params("\"run\": 1, \"policy\": \"SCHED_NORMAL\", \"nice\": 5") == SchedParams{.nice = 5});
  CHECK(params("\"run\": 1, \"policy\": \"SCHED_OTHER\", \"priority\": -19, \"dl-runtime\": 100000") ==
        SchedParams{.nice = -19, .slice_ns = 100'000'000}); // rt-app's custom-slice.json
  CHECK(params("\"run\": 1, \"policy\": \"SCHED_BATCH\", \"slice\": 3000") ==
        SchedParams{.policy = Policy::kBatch, .slice_ns = 3'000'000});
  CHECK(params("\"run\": 1, \"policy\": \"SCHED_IDLE\"") == SchedParams{.policy = Policy::kIdle});
  CHECK(params("\"run\": 1, \"policy\": \"SCHED_RR\"") == SchedParams{.policy = Policy::kRr, .priority = 10});
  CHECK(params("\"run\": 1, \"priority\": 99", "\"duration\": 1, \"default_policy\": \"SCHED_FIFO\"") ==
        SchedParams{.policy = Policy::kFifo, .priority = 99});
  // The order of the keys does not matter.
  CHECK(params("\"run\": 1, \"priority\": 3, \"policy\": \"SCHED_FIFO\"") ==
        SchedParams{.policy = Policy::kFifo, .priority = 3});
}

TEST_CASE("scenario attributes: periods and deadlines that are left out", "[scenario]") {
  const auto deadline = [](u64 runtime, u64 deadline, u64 period) {
    return SchedParams{.policy = Policy::kDeadline,
                       .dl_runtime_ns = runtime * 1000,
                       .dl_deadline_ns = deadline * 1000,
                       .dl_period_ns = period * 1000};
  };
  const std::string head = "\"run\": 1, \"policy\": \"SCHED_DEADLINE\", \"dl-runtime\": 200";
  CHECK(params(head) == deadline(200, 200, 200));
  CHECK(params(head + ", \"dl-period\": 500") == deadline(200, 500, 500));
  CHECK(params(head + ", \"dl-deadline\": 300") == deadline(200, 300, 300));
  CHECK(params(head + ", \"dl-deadline\": 300, \"dl-period\": 500") == deadline(200, 300, 500));
  CHECK(params(head + ", \"deadline\": 300, \"period\": 500") == deadline(200, 300, 500)); // the old names
  CHECK(errors(head + ", \"period\": 500, \"dl-period\": 600") ==
        "s.json:2:58: tasks.t.period: \"period\" is the old name of \"dl-period\": give one");
  CHECK(errors(head + ", \"dl-period\": 99") == "s.json:2:71: tasks.t.dl-period: 99 is out of range: "
                                                "expected microseconds, an integer from 100 to 4194304");
  CHECK(errors("\"run\": 1, \"policy\": \"SCHED_DEADLINE\", \"dl-runtime\": 50") ==
        "s.json:1:19: tasks.t: the period is 50 us: \"dl-period\" is at least 100 us");
  CHECK(errors("\"run\": 1, \"policy\": \"SCHED_DEADLINE\", \"dl-runtime\": 1") ==
        "s.json:2:53: tasks.t.dl-runtime: 1 is out of range: expected microseconds, an integer from 2 to "
        "4194304");
}

TEST_CASE("scenario attributes: a phase says what changes, the rest stays", "[scenario]") {
  const Task t = task("\"nice\": 3, \"slice\": 500, \"cpus\": [1], \"phases\": {\n"
                      "\"a\": { \"run\": 1 },\n"
                      "\"b\": { \"run\": 1, \"policy\": \"SCHED_FIFO\", \"priority\": 7, \"cpus\": [2] },\n"
                      "\"c\": { \"run\": 1, \"priority\": 8 },\n"
                      "\"d\": { \"run\": 1, \"policy\": \"SCHED_OTHER\" } }");
  REQUIRE(t.phases.size() == 4);
  CHECK_FALSE(t.phases[0].attributes.sched);
  CHECK_FALSE(t.phases[0].attributes.cpus);
  const SchedParams b = {.policy = Policy::kFifo, .nice = 3, .priority = 7, .slice_ns = 500'000};
  CHECK(t.phases[1].attributes.sched == b);
  CHECK(t.phases[1].attributes.cpus == 0b100);
  CHECK(t.phases[2].attributes.sched->priority == 8);
  CHECK(t.phases[2].attributes.sched->policy == Policy::kFifo);
  CHECK(t.phases[3].attributes.sched->policy == Policy::kOther);
  CHECK(t.phases[3].attributes.sched->nice == 3);
  CHECK(t.phases[3].attributes.sched->slice_ns == 500'000);
}

TEST_CASE("scenario attributes: what a policy cannot have is refused or named", "[scenario]") {
  CHECK(errors("\"run\": 1, \"policy\": \"SCHED_FIFO\", \"nice\": 3") ==
        "s.json:2:35: tasks.t.nice: SCHED_FIFO has no nice value, use \"priority\" (1 to 99)");
  CHECK(errors("\"run\": 1, \"policy\": \"SCHED_DEADLINE\", \"dl-runtime\": 200, \"nice\": 3") ==
        "s.json:2:58: tasks.t.nice: SCHED_DEADLINE has no nice value, leave it out");
  CHECK(errors("\"run\": 1, \"nice\": 3, \"priority\": 3") ==
        "s.json:2:22: tasks.t.priority: \"priority\" and \"nice\" are the same thing here: give one");
  CHECK(errors("\"run\": 1, \"nice\": 20") ==
        "s.json:2:19: tasks.t.nice: 20 is out of range: expected a nice value, an integer from -20 to 19");
  CHECK(
      errors("\"run\": 1, \"slice\": 99") ==
      "s.json:2:20: tasks.t.slice: 99 is out of range: expected microseconds, an integer from 100 to 100000");
  CHECK(errors("\"run\": 1, \"slice\": 200, \"dl-runtime\": 200") ==
        "s.json:2:25: tasks.t.dl-runtime: \"slice\" and \"dl-runtime\" are the same thing here: give one");
  CHECK(errors("\"run\": 1, \"policy\": \"SCHED_RR\", \"slice\": 200") ==
        "s.json:2:33: tasks.t.slice: SCHED_RR takes no slice; SCHED_OTHER, SCHED_BATCH and SCHED_IDLE do");
  CHECK(errors("\"phases\": { \"p\": { \"run\": 1, \"priority\": 0, \"policy\": \"SCHED_RR\" } }") ==
        "s.json:2:42: tasks.t.phases.p.priority: 0 is out of range: expected a real-time priority, an "
        "integer from 1 "
        "to 99");
  CHECK(
      warnings("\"run\": 1, \"dl-runtime\": 50") ==
      "s.json:2:25: tasks.t.dl-runtime: as a slice of SCHED_OTHER it becomes 100 us, the shortest there is");
  CHECK(warnings("\"run\": 1, \"dl-period\": 500") ==
        "s.json:2:11: tasks.t.dl-period: without effect on SCHED_OTHER");
  CHECK(warnings("\"phases\": { \"p\": { \"run\": 1, \"period\": 5 } }") ==
        "s.json:2:30: tasks.t.phases.p.period: has no meaning in a phase, did you mean \"dl-period\"?");
}

TEST_CASE("scenario attributes: the machine's CPUs come from --smp, then from the scenario", "[scenario]") {
  const std::string json =
      "{ \"tasks\": { \"t\": { \"cpus\": [2], \"run\": 1 } }, \"global\": { \"duration\": 1, \"cpus\": 2 } }";
  CHECK(messages(read_scenario(json, "s.json"), Severity::kError) ==
        "s.json:1:30: tasks.t.cpus[0]: the machine has CPUs 0 to 1 only (global.cpus 2)");
  const Outcome larger = read_scenario(json, "s.json", {.machine_cpus = 3});
  REQUIRE(larger.scenario);
  CHECK(larger.scenario->default_cpus() == 2);
  CHECK(messages(read_scenario(json, "s.json", {.machine_cpus = 1}), Severity::kError) ==
        "s.json:1:30: tasks.t.cpus[0]: the machine has CPUs 0 to 0 only (--smp 1)");
  CHECK(messages(read("\"run\": 1", "\"duration\": 1, \"cpus\": 0"), Severity::kError) ==
        "s.json:3:41: global.cpus: 0 is out of range: expected the machine's number of CPUs, an integer from "
        "1 to 64");
  CHECK(read("\"run\": 1").scenario->default_cpus() == 4);
  CHECK(read("\"run\": 1, \"cpus\": [6]").scenario->default_cpus() == 7);
}
