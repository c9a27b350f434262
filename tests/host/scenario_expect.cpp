// SPDX-License-Identifier: Apache-2.0
// Expectations: their grammar, what is refused, and the verdicts on a report.
#include "qemu/report/verdict.hpp"
#include "qemu/scenario/scenario.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::scenario;
using report::Holds;
using report::Report;
using report::ThreadRow;
using report::Verdict;

namespace {

/// Task "t" and task "u"; "expect" of t, and of the run.
std::string json(std::string_view of_task, std::string_view of_run = "") {
  return "{ \"tasks\": { \"t\": { \"instance\": 2, \"run\": 1,\n\"expect\": {" + std::string(of_task) +
         "} }, \"u\": { \"run\": 1 } }, \"global\": { \"duration\": 1 },\n\"expect\": {" +
         std::string(of_run) + "} }";
}
std::string errors(std::string_view of_task, std::string_view of_run = "") {
  std::string out;
  for (const Message& m : read_scenario(json(of_task, of_run), "s.json", {.machine_cpus = 4}).messages) {
    CHECK(m.severity == Severity::kError); // what is not judged must not pass as a warning
    out += (out.empty() ? "" : "\n") + to_string(m);
  }
  return out;
}
Scenario scenario_of(std::string_view of_task, std::string_view of_run = "") {
  const Outcome outcome = read_scenario(json(of_task, of_run), "s.json", {.machine_cpus = 4});
  for (const Message& m : outcome.messages) UNSCOPED_INFO(to_string(m));
  REQUIRE(outcome.scenario);
  return *outcome.scenario;
}

ThreadRow thread(const char* task, u32 index, u32 instance) {
  ThreadRow row;
  row.task = task;
  row.index = index;
  row.instance = instance;
  row.run_ns = 250'000'000;
  row.lifetime_ns = 1'000'000'000;
  return row;
}
Report two_of_t() {
  Report r;
  r.threads = {thread("t", 0, 0), thread("t", 0, 1), thread("u", 1, 0)};
  r.total.threads = 3;
  r.total.ended = "duration";
  r.cpus = {{.cpu = 0, .busy_ns = 750, .idle_ns = 250, .switches = 9}};
  return r;
}
Verdict only(const Report& r, std::string_view of_task, std::string_view of_run = "") {
  const auto verdicts = report::judge(scenario_of(of_task, of_run), r);
  REQUIRE(verdicts.size() == 1);
  return verdicts[0];
}
bool holds(const Report& r, std::string_view of_task, std::string_view of_run = "") {
  return only(r, of_task, of_run).holds == Holds::kYes;
}

} // namespace

TEST_CASE("expect: a bound is a number, or below, above, is within, exactly", "[scenario]") {
  const Scenario s =
      scenario_of(R"("wakeup_p99_us": { "below": 500 }, "migrations": { "above": 2, "below": 9 },
    "share_percent": { "is": 25, "within": 1.5 }, "deadline_misses": 0, "loops": { "exactly": 7 },
    "slack_min_us": { "above": -10 }, "never_on_cpus": [3, 0])",
                  R"("ended": "finished", "busy_percent": { "above": 90 }, "overruns": 0)");
  REQUIRE(s.expectations.size() == 10);
  CHECK(to_string(s.expectations[0].bound) == "below 500");
  CHECK(to_string(s.expectations[1].bound) == "above 2, below 9");
  CHECK(to_string(s.expectations[2].bound) == "25 within 1.5");
  CHECK(to_string(s.expectations[3].bound) == "exactly 0");
  CHECK(to_string(s.expectations[4].bound) == "exactly 7");
  CHECK(to_string(s.expectations[5].bound) == "above -10");
  CHECK(s.expectations[6].cpus == 0b1001);
  CHECK(s.expectations[6].task == 0u);
  CHECK_FALSE(s.expectations[7].task.has_value());
  CHECK(s.expectations[7].ending == "finished");
  CHECK(s.expectations[0].at == Place{2, 12});
}

TEST_CASE("expect: bounds are strict, tolerances inclusive", "[scenario]") {
  const Bound below{.below = 5, .above = {}, .is = {}}, above{.below = {}, .above = 5, .is = {}};
  const Bound within{.below = {}, .above = {}, .is = 5, .within = 0.5},
      exactly{.below = {}, .above = {}, .is = 5};
  CHECK((below.holds(4.99) && !below.holds(5) && !below.holds(6)));
  CHECK((above.holds(5.01) && !above.holds(5) && !above.holds(4)));
  CHECK((within.holds(5.5) && within.holds(4.5) && !within.holds(5.51) && !within.holds(4.49)));
  CHECK((exactly.holds(5) && !exactly.holds(5.0001)));
  CHECK(below.missed_by(7) == 2);
  CHECK(within.missed_by(7) == 1.5);
}

TEST_CASE("expect: what no run could satisfy or nobody can judge is refused", "[scenario]") {
  CHECK(errors("\"wakeup_p9_us\": 5") == "s.json:2:12: tasks.t.expect.wakeup_p9_us: no metric, did you mean "
                                         "\"wakeup_p99_us\"?");
  CHECK_THAT(errors("\"colour\": 5"),
             Catch::StartsWith("s.json:2:12: tasks.t.expect.colour: no metric: expected one "
                               "of wakeup_p50_us, wakeup_p99_us, "));
  CHECK(errors("\"loops\": \"5\"") == "s.json:2:21: tasks.t.expect.loops: expected a number (exactly that), "
                                      "or an object of below, above, exactly, "
                                      "or is with within, like { \"below\" : 500 }, not the string \"5\"");
  CHECK(errors("\"loops\": {}") ==
        "s.json:2:21: tasks.t.expect.loops: no bound: expected below, above, exactly, or is with within");
  CHECK(errors("\"loops\": { \"belov\": 5 }") ==
        "s.json:2:23: tasks.t.expect.loops.belov: no bound, did you mean \"below\"?");
  CHECK(errors("\"loops\": { \"below\": \"5\" }") ==
        "s.json:2:32: tasks.t.expect.loops.below: expected a value of loops, a number from 0 to "
        "1000000000000000, not "
        "the string \"5\"");
  CHECK(errors("\"share_percent\": { \"above\": 101 }") ==
        "s.json:2:40: tasks.t.expect.share_percent.above: 101 is out of range: expected a value of "
        "share_percent, a "
        "number from 0 to 100");
  CHECK(errors("\"loops\": { \"below\": 0 }") == "s.json:2:21: tasks.t.expect.loops: loops is never below 0");
  CHECK(errors("\"share_percent\": { \"above\": 100 }") ==
        "s.json:2:29: tasks.t.expect.share_percent: share_percent is never above 100");
  CHECK(errors("\"loops\": { \"below\": 3, \"above\": 3 }") ==
        "s.json:2:21: tasks.t.expect.loops: no number is above 3 and below 3");
  CHECK(errors("\"loops\": { \"is\": 3 }") == "s.json:2:21: tasks.t.expect.loops: \"is\" needs \"within\"; "
                                              "use \"exactly\" when there is no tolerance");
  CHECK(errors("\"loops\": { \"within\": 3 }") ==
        "s.json:2:21: tasks.t.expect.loops: \"within\" needs \"is\"");
  CHECK(errors("\"loops\": { \"is\": 3, \"within\": 1, \"below\": 9 }") ==
        "s.json:2:21: tasks.t.expect.loops: below and above do not go with is or exactly");
  CHECK(errors("\"loops\": { \"is\": 3, \"within\": 0 }") ==
        "s.json:2:42: tasks.t.expect.loops.within: expected a distance from \"is\", a number above 0 and at "
        "most "
        "1000000000000000, not the number 0");
  CHECK(errors("\"loops\": 1, \"loops\": 2") ==
        "s.json:2:24: tasks.t.expect.loops: given twice, first in line 2");
  CHECK(errors("\"busy_percent\": 5") ==
        "s.json:2:12: tasks.t.expect.busy_percent: a figure of the whole run: belongs "
        "to \"expect\" at the top level");
  CHECK(errors("\"never_on_cpus\": [4]") ==
        "s.json:2:30: tasks.t.expect.never_on_cpus[0]: the machine has CPUs 0 to 3 only (--smp 4)");
  CHECK(
      errors("", "\"ended\": \"well\"") ==
      "s.json:3:21: expect.ended: \"well\" is no ending: expected \"duration\", \"finished\" or \"stalled\"");
}

TEST_CASE("expect: a bound on each thread is judged by the worst of them", "[scenario]") {
  Report r = two_of_t();
  CHECK(holds(r, "\"share_percent\": { \"is\": 25, \"within\": 1 }"));
  r.threads[1].run_ns = 300'000'000;
  r.threads[2].run_ns = 999'000'000; // of the other task
  const Verdict v = only(r, "\"share_percent\": { \"is\": 25, \"within\": 1 }");
  CHECK(v.holds == Holds::kNo);
  CHECK(v.subject == "t");
  CHECK(v.measured == "30 (t-1)");
  CHECK(v.value == 30.0);
  CHECK(v.place == "s.json:2:12");
  // Of the whole run: every thread.
  CHECK_FALSE(holds(r, "", "\"share_percent\": { \"below\": 99 }"));
  CHECK(only(r, "\"share_percent\": { \"below\": 31 }").measured == "30 (t-1)"); // the closest, when all hold
}

TEST_CASE("expect: counts are summed over the threads", "[scenario]") {
  Report r = two_of_t();
  r.threads[0].jobs.misses = 1;
  r.threads[1].jobs.misses = 2;
  r.threads[2].jobs.misses = 4;
  CHECK(only(r, "\"deadline_misses\": 0").measured == "3");
  CHECK(holds(r, "\"deadline_misses\": 3"));
  CHECK(holds(r, "", "\"deadline_misses\": 7"));
  r.threads[0].ran_on = 0b0110;
  r.threads[2].ran_on = 0b1000;
  CHECK(holds(r, "\"never_on_cpus\": [0, 3]"));
  CHECK(only(r, "\"never_on_cpus\": [2, 3]").measured == "ran on 1, 2");
  CHECK_FALSE(holds(r, "\"never_on_cpus\": [2, 3]"));
  CHECK(holds(r, "", "\"busy_percent\": 75"));
  CHECK(holds(r, "", "\"ended\": \"duration\""));
  CHECK_FALSE(holds(r, "", "\"ended\": \"finished\""));
}

TEST_CASE("expect: what was not measured does not hold", "[scenario]") {
  Report r = two_of_t();
  r.threads[0].latency = {.count = 3, .min_ns = 1, .p50_ns = 2, .p99_ns = 3, .max_ns = 4};
  CHECK(only(r, "\"wakeup_max_us\": { \"below\": 500 }").measured == "no wake-up (t-1)");
  CHECK_FALSE(holds(r, "\"wakeup_max_us\": { \"below\": 500 }"));
  CHECK(only(r, "\"slack_min_us\": { \"above\": -5 }").measured == "no job came to its end (t-0)");
  r.threads.resize(0);
  CHECK(only(r, "\"migrations\": 0").measured == "no thread of it ran");
  CHECK_FALSE(holds(r, "\"migrations\": 0"));
}

TEST_CASE("expect: verdicts as text and as JSON", "[scenario]") {
  Report r = two_of_t();
  r.threads[0].migrations = 12;
  const auto verdicts =
      report::judge(scenario_of("\"migrations\": { \"below\": 5 }", "\"ended\": \"duration\""), r);
  CHECK(report::format_verdicts(verdicts) == "FAILED  t.migrations  12, expected below 5  [s.json:2:12]\n"
                                             "ok      ended         duration, expected duration\n"
                                             "1 of 2 expectations hold\n");
  CHECK_FALSE(report::all_hold(verdicts));
  const auto j = report::to_json(verdicts);
  CHECK(j[0].dump() ==
        R"({"holds":false,"task":"t","metric":"migrations","expected":"below 5","measured":"12",)"
        R"("value":12.0,"place":"s.json:2:12"})");
  CHECK(j[1]["holds"] == true);
  CHECK(report::format_verdicts({}) == "");
  CHECK(report::all_hold({}));
}
