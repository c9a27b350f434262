// SPDX-License-Identifier: Apache-2.0
// Reading scenarios: what is accepted, and every complaint with its line and path.
#include "qemu/scenario/scenario.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

using namespace runnel;
using namespace runnel::scenario;

namespace {

Outcome read(std::string_view json, u32 cpus = 4) {
  return read_scenario(json, "s.json", {.machine_cpus = cpus});
}

/// All messages of that severity, one a line. Without columns: those have a test of their own.
std::string messages(const Outcome& outcome, Severity severity) {
  std::string out;
  for (Message m : outcome.messages) {
    if (m.severity != severity) continue;
    const std::string column = ":" + std::to_string(m.at.column) + ": ";
    std::string text = to_string(m);
    const usize at = text.find(column);
    REQUIRE(at != std::string::npos);
    out += (out.empty() ? "" : "\n") + text.replace(at, column.size(), ": ");
  }
  return out;
}
std::string errors(std::string_view json) { return messages(read(json), Severity::kError); }
std::string warnings(std::string_view json) {
  const Outcome outcome = read(json);
  CHECK(messages(outcome, Severity::kError) == "");
  CHECK(outcome.scenario.has_value());
  return messages(outcome, Severity::kWarning);
}

/// One task "t" with these members, and a duration.
std::string task(std::string_view members) {
  return "{ \"tasks\": { \"t\": {\n" + std::string(members) + "\n} }, \"global\": { \"duration\": 1 } }";
}

} // namespace

TEST_CASE("scenario: the shape of rt-app's tutorial is read in order", "[scenario]") {
  const Outcome outcome = read(R"({
    /* comment */ "tasks": { // another
      "a": { "instance": 2, "delay": 5, "run": 10, "sleep": 20, "run": 30, "run0": 40, "sleep 2": 50,
             "timer": { "ref": "unique", "period": 1000 }, },
      "b": { "loop": 3, "cpus": [0, 2], "phases": { "p": { "loop": 2, "cpus": [1], "run": 1 }, "p": { "run": 2 } } },
    },
    "global": { "duration": 2 },
  })");
  REQUIRE(outcome.scenario);
  CHECK(outcome.messages.empty());
  const Scenario& s = *outcome.scenario;
  CHECK(s.duration_ns == 2'000'000'000);
  REQUIRE(s.tasks.size() == 2);
  CHECK(s.initial_threads() == 3);
  CHECK(s.cpus_needed() == 3);
  const Task& a = s.tasks[0];
  CHECK(a.delay_ns == 5'000);
  CHECK(a.loop == -1);
  CHECK(a.own_timers == 1);
  REQUIRE(a.phases.size() == 1);
  std::vector<u64> times;
  for (const Event& event : a.phases[0].events) times.push_back(event.ns / 1000);
  CHECK(times == std::vector<u64>{10, 20, 30, 40, 50, 1000});
  CHECK(a.phases[0].events[4].kind == EventKind::kSleep);
  const Task& b = s.tasks[1];
  CHECK(b.loop == 3);
  CHECK(b.attributes.cpus == 0b101);
  REQUIRE(b.phases.size() == 2);
  CHECK(b.phases[0].loop == 2);
  CHECK(b.phases[0].attributes.cpus == 0b010);
  CHECK_FALSE(b.phases[1].attributes.cpus.has_value());
}

TEST_CASE("scenario: unknown keys are named with line, path and a guess", "[scenario]") {
  CHECK(warnings("{\n\"tasks\": {\n\"foo\": {\n\"run\": 1,\n\"slep\": 5 } },\n\"global\": { \"duration\": 1, "
                 "\"durration\": 3 } }") ==
        "s.json:5: tasks.foo.slep: unknown key, did you mean \"sleep\"?\n"
        "s.json:6: global.durration: unknown key, did you mean \"duration\"?");
  CHECK(warnings(task("\"run\": 1, \"colour\": \"red\"")) ==
        "s.json:2: tasks.t.colour: unknown key, ignored");
  CHECK(warnings(task("\"run\": 1, \"running\": 5")) ==
        "s.json:2: tasks.t.running: unknown key, did you mean \"run\"?");
  CHECK(warnings(task("\"phases\": { \"p\": { \"run\": 1,\n\"instance\": 2 } }")) ==
        "s.json:3: tasks.t.phases.p.instance: belongs to the task, ignored in a phase");
  CHECK(warnings(task("\"timer\": { \"ref\": \"unique\", \"period\": 5, \"perid\": 5 }")) ==
        "s.json:2: tasks.t.timer.perid: unknown key, did you mean \"period\"?");
}

TEST_CASE("scenario: what is known but has no effect is named", "[scenario]") {
  CHECK(warnings(task("\"run\": 1,\n\"memrun_a\": {}, \"iorun\": 1")) ==
        "s.json:3: tasks.t.memrun_a: known to rt-app, not executed here\n"
        "s.json:3: tasks.t.iorun: known to rt-app, not executed here");
  CHECK(warnings("{ \"tasks\": { \"t\": { \"run\": 1 } },\n\"global\": { \"duration\": 1, \"calibration\": "
                 "\"CPU0\", \"gnuplot\": true } }") ==
        "s.json:2: global: known to rt-app, without effect here: calibration, gnuplot");
  CHECK(warnings(task("\"run\": 1, \"taskgroup\": \"/a\"")) ==
        "s.json:2: tasks.t.taskgroup: known to rt-app, without effect here");
  CHECK(warnings(task("\"run\": 1, \"phases\": { \"p\": { \"sleep\": 1 } }")) ==
        "s.json:2: tasks.t.run: ignored, because the task has \"phases\"");
  CHECK(warnings(task("\"run\": 1, \"resume\": \"tt\"")) ==
        "s.json:2: tasks.t.resume: there is no task \"tt\", did you mean \"t\"?; wakes nobody, left out");
  CHECK(warnings("{ \"tasks\": {\n\"t\": { \"run\": 1 } } }") ==
        "s.json:1: global.duration: no end is given and task \"t\" loops for ever: stopped after 10 s");
}

TEST_CASE("scenario: wrong types and values are refused with what would be right", "[scenario]") {
  CHECK(
      errors(task("\"run\": \"1\"")) ==
      "s.json:2: tasks.t.run: expected microseconds, an integer from 0 to 3600000000, not the string \"1\"");
  CHECK(errors(task("\"run\": 1.5")) ==
        "s.json:2: tasks.t.run: expected microseconds, an integer from 0 to 3600000000, not the number 1.5");
  CHECK(errors(task("\"run\": -1")) ==
        "s.json:2: tasks.t.run: -1 is out of range: expected microseconds, an integer from 0 to 3600000000");
  CHECK(errors(task("\"run\": 99999999999999999999999")) ==
        "s.json:2: tasks.t.run: 99999999999999999999999 is out of range: expected microseconds, an integer "
        "from 0 to 3600000000");
  CHECK(errors(task("\"run\": 1, \"loop\": 0")) ==
        "s.json:2: tasks.t.loop: 0 is out of range: expected -1 (for ever) or 1 and more passes");
  CHECK(errors(task("\"run\": 1, \"instance\": 513")) ==
        "s.json:2: tasks.t.instance: 513 is out of range: expected a number of threads, an integer from 0 to "
        "512");
  CHECK(errors(task("\"run\": 1,\n\"cpus\": [0, 4]")) ==
        "s.json:3: tasks.t.cpus[1]: the machine has CPUs 0 to 3 only (--smp 4)");
  CHECK(errors(task("\"run\": 1, \"cpus\": 3")) ==
        "s.json:2: tasks.t.cpus: expected CPU numbers, an array like [0, 2], not the number 3");
  CHECK(errors(task("\"run\": 1, \"cpus\": []")) ==
        "s.json:2: tasks.t.cpus: no CPU in it; leave the key out to allow all");
  CHECK(errors(task("\"run\": 1, \"policy\": \"SCHED_FAIR\"")) ==
        "s.json:2: tasks.t.policy: \"SCHED_FAIR\" is no policy: expected SCHED_OTHER, SCHED_BATCH, "
        "SCHED_IDLE, SCHED_RR, SCHED_FIFO or SCHED_DEADLINE");
  CHECK(errors(task("\"run\": 1, \"policy\": \"SCHED_RR\", \"priority\": 100")) ==
        "s.json:2: tasks.t.priority: 100 is out of range: expected a real-time priority, an integer from 1 "
        "to 99");
  CHECK(errors(task("\"run\": 1, \"policy\": \"SCHED_DEADLINE\"")) ==
        "s.json:1: tasks.t: SCHED_DEADLINE needs \"dl-runtime\" (microseconds, from 2)");
  CHECK(errors(task("\"run\": 1, \"policy\": \"SCHED_DEADLINE\", \"dl-runtime\": 5, \"dl-deadline\": 4")) ==
        "s.json:1: tasks.t: needs dl-runtime <= dl-deadline <= dl-period, but they are 5, 4 and 4 us");
  CHECK(errors(task("\"timer\": { \"ref\": \"u\", \"period\": 1, \"mode\": \"abs\" }")) ==
        "s.json:2: tasks.t.timer.mode: \"abs\" is no mode: expected \"relative\" or \"absolute\"");
  CHECK(errors(task("\"timer\": { \"ref\": \"u\", \"period\": 0 }")) ==
        "s.json:2: tasks.t.timer.period: 0 is out of range: expected microseconds, an integer from 1 to "
        "3600000000");
  CHECK(errors(task("\"timer\": { \"ref\": \"u\" }")) ==
        "s.json:2: tasks.t.timer: needs \"period\", microseconds");
  CHECK(errors(task("\"wait\": { \"ref\": \"c\" }")) == "s.json:2: tasks.t.wait: needs \"mutex\", a name");
  CHECK(errors(task("\"fork\": \"x\"")) == "s.json:2: tasks.t.fork: there is no task \"x\"");
  CHECK(errors(task("\"lock\": 5")) ==
        "s.json:2: tasks.t.lock: expected the name of a mutex, a string, not the number 5");
  CHECK(errors(task("\"loop\": 5")) ==
        "s.json:1: tasks.t: no event: expected at least one of run, runtime, sleep, timer, ...");
  CHECK(errors(task("\"run\": 1, \"loop\": 2,\n\"loop\": 3")) ==
        "s.json:3: tasks.t.loop: given twice, first in line 2");
  CHECK(errors("{ \"tasks\": { \"t\": { \"run\": 1 } }, \"global\": { \"duration\": \"2\" } }") ==
        "s.json:1: global.duration: expected seconds, a number from 0.001 to 3600, or -1 for \"until all "
        "threads end\", not the string \"2\"");
  CHECK(
      errors("{ \"tasks\": { \"t\": { \"run\": 1 } }, \"global\": { \"duration\": 1e9, \"gnuplot\": 1 } }") ==
      "s.json:1: global.duration: 1e9 is out of range: expected seconds, a number from 0.001 to 3600, or -1 "
      "for \"until all threads end\"\n"
      "s.json:1: global.gnuplot: expected true or false, not the number 1");
  CHECK(errors("{ \"tasks\": [] }") ==
        "s.json:1: tasks: expected tasks by name, an object {...}, not an array");
  CHECK(errors("[]") ==
        "s.json:1: expected { \"tasks\" : {...}, \"global\" : {...} }, an object {...}, not an array");
  CHECK(errors("{ \"global\": {} }") == "s.json:1: no \"tasks\": expected { \"tasks\" : { name : {...} } }");
}

TEST_CASE("scenario: limits are errors that say the limit", "[scenario]") {
  CHECK(errors("{ \"tasks\": { \"a\": { \"instance\": 300, \"run\": 1 },\n\"b\": { \"instance\": 300, "
               "\"run\": 1 } } }") == "s.json:1: tasks: 600 threads at the start, the limit is 512");
  CHECK(errors("{ \"tasks\": { \"a\": { \"instance\": 0, \"run\": 1 } } }") ==
        "s.json:1: tasks: no thread at the start: every task has \"instance\" : 0");
  std::string events;
  for (u32 i = 0; i <= kMaxEvents; ++i) events += "\"run\": 1,";
  CHECK(errors(task(events)) == "s.json:2: tasks.t.run: more than 4096 events in all");
  std::string locks;
  for (u32 i = 0; i <= kMaxObjects; ++i) locks += "\"lock\": \"m" + std::to_string(i) + "\",";
  CHECK(errors(task(locks)) == "s.json:2: tasks.t.lock: more than 256 mutexes");
  CHECK(errors(task("\"instance\": 300, \"barrier\": \"b\", \"barrier2\": \"b\"")) ==
        "s.json:2: tasks.t.barrier2: 600 threads would have to meet there, the limit is 512");
}

TEST_CASE("scenario: timers, barriers and objects are resolved", "[scenario]") {
  const Outcome outcome = read(R"({ "tasks": {
    "a": { "instance": 3, "timer0": {"ref": "tick", "period": 10}, "timer1": {"ref": "uniqueA", "period": 1, "mode": "absolute"},
           "timer2": {"ref": "uniqueB", "period": 1}, "timer3": {"ref": "uniqueA", "period": 2}, "barrier": "x" },
    "b": { "barrier": "x", "lock": "m", "wait": {"ref": "c", "mutex": "m"}, "unlock": "m", "resume": "a",
           "timer": {"ref": "tick", "period": 10, "mode": "absolute"} } }, "global": {"duration": 0.25} })");
  CHECK(messages(outcome, Severity::kError) == "");
  REQUIRE(outcome.scenario);
  const Scenario& s = *outcome.scenario;
  CHECK(s.duration_ns == 250'000'000);
  CHECK(s.barrier_users == std::vector<u32>{4});
  CHECK(s.mutexes == std::vector<std::string>{"m"});
  const auto& a = s.tasks[0].phases[0].events;
  CHECK(s.tasks[0].own_timers == 2);
  CHECK(a[0].scope == TimerScope::kShared);
  CHECK(a[0].mode == TimerMode::kAbsolute); // b says so of the same timer
  CHECK(a[1].mode == TimerMode::kAbsolute);
  CHECK(a[2].mode == TimerMode::kRelative);
  CHECK(a[3].object == a[1].object);
  CHECK(a[3].mode == TimerMode::kAbsolute);
}

TEST_CASE("scenario: files that cannot be read say why", "[scenario]") {
  const auto text = [](const Outcome& o) { return o.messages.empty() ? "" : to_string(o.messages[0]); };
  CHECK(text(load_scenario("/nonexistent/x.json")) ==
        "/nonexistent/x.json: cannot be read: No such file or directory");
  CHECK(text(load_scenario("/")) == "/: is a directory, not a scenario file");
}

TEST_CASE("scenario: every scenario that is shipped is read without a remark", "[scenario]") {
  const std::filesystem::path folder = std::filesystem::path(RUNNEL_TEST_DATA) / "../../qemu/scenarios";
  u32 files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    INFO(entry.path());
    const Outcome outcome = load_scenario(entry.path(), {.machine_cpus = 4});
    for (const Message& m : outcome.messages) UNSCOPED_INFO(to_string(m));
    CHECK(outcome.messages.empty());
    CHECK(outcome.scenario.has_value());
    ++files;
  }
  CHECK(files >= 6);
}
