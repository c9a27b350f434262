// SPDX-License-Identifier: Apache-2.0
// The kernel's workload parser: reads what the host writes, refuses everything else.
#include "kernel/workload/parse.hpp"
#include "qemu/scenario/scenario.hpp"

#include <catch2/catch.hpp>
#include <memory>

using namespace runnel;
using namespace runnel::workload;

namespace {

struct Parsed {
  std::unique_ptr<Workload> workload = std::make_unique<Workload>();
  std::expected<void, ParseError> result;
};
Parsed parse(std::string_view text) {
  Parsed parsed;
  parsed.result = parse_workload(text, *parsed.workload);
  return parsed;
}
std::string error_of(std::string_view text) {
  const Parsed parsed = parse(text);
  if (parsed.result) return "";
  const ParseError& e = parsed.result.error();
  return std::to_string(e.line) + ": " + std::string(e.what) +
         (e.word.empty() ? "" : " | " + std::string(e.word));
}

const std::string kHead = "runnel-workload 2\nduration 1000\nobjects mutexes=1 conditions=1 semaphores=1 "
                          "timers=1\nbarrier-users 2\n";
const std::string kTask = "task t instances=1 loop=-1 delay=0 timers=1\nphase p loop=1\n";
std::string with(std::string_view event) { return kHead + kTask + std::string(event) + "\nend\n"; }

} // namespace

TEST_CASE("workload: what the host compiles, the kernel parses to the same", "[workload]") {
  const auto outcome = scenario::read_scenario(R"({ "tasks": {
    "my task": { "instance": 2, "delay": 7, "cpus": [0, 63], "policy": "SCHED_FIFO", "priority": 9, "loop": 3, "phases": {
       "a": { "loop": 5, "run": 1, "runtime": 2, "sleep": 3, "timer": {"ref": "tick", "period": 4, "mode": "absolute"},
              "timer1": {"ref": "unique", "period": 5}, "lock": "m", "unlock": "m", "wait": {"ref": "c", "mutex": "m"},
              "signal": "c", "broad": "c", "sync": {"ref": "c", "mutex": "m"}, "barrier": "b" },
       "b": { "cpus": [1], "suspend": "", "resume": "other", "yield": "", "fork": "other", "sem_post": "s", "sem_wait": "s" } } },
    "other": { "policy": "SCHED_DEADLINE", "dl-runtime": 10, "dl-deadline": 20, "dl-period": 300, "run": 1 } } })",
                                               "s");
  REQUIRE(outcome.scenario);
  const std::string text = scenario::compile(*outcome.scenario);
  INFO(text);
  const Parsed parsed = parse(text);
  REQUIRE(parsed.result.has_value());
  const Workload& w = *parsed.workload;
  REQUIRE(w.task_count == 2);
  const TaskProgram& t = w.tasks[0];
  CHECK(t.name == "my_task");
  CHECK(t.instances == 2);
  CHECK(t.loop == 3);
  CHECK(t.delay == Duration{7000});
  CHECK(t.attributes.cpus == (1 | u64{1} << 63));
  CHECK(t.attributes.sched.policy == Policy::kFifo);
  CHECK(t.attributes.sched.priority == 9);
  REQUIRE(w.phases_of(t).size() == 2);
  const auto a = w.events_of(w.phases_of(t)[0]);
  const auto b = w.events_of(w.phases_of(t)[1]);
  std::vector<EventKind> kinds;
  for (const auto& events : {a, b})
    for (const Event& e : events) kinds.push_back(e.kind);
  using enum EventKind;
  CHECK(kinds == std::vector<EventKind>{kRun, kRuntime, kSleep, kTimer, kTimer, kLock, kUnlock, kWait,
                                        kSignal, kBroadcast, kSync, kBarrier, kSuspend, kResume, kYield,
                                        kFork, kSemPost, kSemWait});
  CHECK(a[2].ns == 3000);
  CHECK((!a[3].own_timer && a[3].absolute && a[3].ns == 4000));
  CHECK((a[4].own_timer && !a[4].absolute));
  CHECK(b[1].object == 1);
  CHECK(w.barrier_users[0] == 2);
  CHECK(w.tasks[1].attributes.sched.deadline_ns == 20000);
}

TEST_CASE("workload: damaged text is refused with its line", "[workload]") {
  CHECK(error_of("") == "0: \"runnel-workload 2\"");
  CHECK(error_of("runnel-workload 1\n") == "1: version 2: host tool and kernel are of different builds");
  CHECK(error_of(kHead) == "4: the line \"end\": the text is cut off");
  CHECK(error_of(with("run 5")) == "");
  CHECK(error_of(with("run 5 6")) == "7: nothing more on this line | 6");
  CHECK(error_of(with("run x")) == "7: a time in ns, at most one hour | x");
  CHECK(error_of(with("run 99999999999999999999")) ==
        "7: a time in ns, at most one hour | 99999999999999999999");
  CHECK(error_of(with("run")) == "7: a time in ns, at most one hour");
  CHECK(error_of(with("jump 5")) == "7: task, phase, an event or end | jump");
  CHECK(error_of(with("lock 1")) == "7: a mutex | 1");
  CHECK(error_of(with("timer own 1 5 relative")) == "7: a timer | 1");
  CHECK(error_of(with("timer own 0 5 sideways")) == "7: relative or absolute | sideways");
  CHECK(error_of(with("resume 1")) == "8: resume and fork of tasks that exist");
  CHECK(error_of(kHead + "run 5\nend\n") == "5: a phase before its events | run");
  CHECK(error_of(kHead + "end\n") == "5: at least one task");
  CHECK(error_of(kHead + kTask + "end\n") == "7: an event in the phase before");
  CHECK(error_of(kHead + "task t instances=513 loop=1 delay=0 timers=0\n") ==
        "5: instances, at most 512 | 513");
  CHECK(error_of(kHead + "task t instances=1 loop=0 delay=0 timers=0\n") == "5: a loop count: -1 or from 1");
  CHECK(error_of(kHead + "task t instances=1 loop=1 delay=0 timers=0 cpus=0x0\n") ==
        "5: a mask of CPUs, not empty | cpus=0x0");
  CHECK(error_of(kHead + "task t instances=1 loop=1 delay=0 timers=0 colour=3\n") ==
        "5: an attribute | colour=3");
  CHECK(error_of(with("run 5") + "more\n") == "8: nothing after \"end\"");
}

TEST_CASE("workload: neither a cut nor a flipped byte can crash the parser", "[workload]") {
  const std::string whole = with("timer own 0 5 relative\nlock 0\nresume 0");
  REQUIRE(error_of(whole) == "");
  for (usize n = 0; n < whole.size(); ++n)
    CHECK_FALSE(parse(std::string_view(whole).substr(0, n)).result.has_value());
  u32 refused = 0;
  for (usize i = 0; i < whole.size(); ++i) {
    for (const char flip : {'\x01', '\x10', '\x40', '\x7f'}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      const Parsed parsed = parse(changed);
      if (!parsed.result) ++refused;
      if (parsed.result) CHECK(parsed.workload->event_count == 3);
    }
  }
  CHECK(refused > whole.size()); // most damage is noticed
}
