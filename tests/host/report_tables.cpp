// SPDX-License-Identifier: Apache-2.0
// Reports: collected from serial lines, shown as tables and JSON.
#include "qemu/report/report.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

using namespace runnel;
using namespace runnel::report;

namespace {

const std::string kThread =
    R"(runnel: report {"kind":"thread","task":"hog","index":2,"instance":0,"pid":7,"policy":"other","nice":5,"priority":0,"runtime_ns":0,"deadline_ns":0,"period_ns":0,"cpus":"0-3","ran_on":5,"run_ns":1500000,"lifetime_ns":2000000,"activations":3,"loops":1,"overruns":0,"preemptions":4,"voluntary":5,"migrations":6,"misuses":0,"lock_wait_max_ns":77,"jobs":{"count":2,"misses":1,"response_max_ns":1100,"slack_min_ns":-100,"slack_mean_ns":40,"lateness_max_ns":100},"latency":{"count":3,"min_ns":900,"p50_ns":1250,"p99_ns":30000,"max_ns":31000}})";
const std::string kCpu =
    R"(runnel: report {"kind":"cpu","cpu":0,"busy_ns":1500000,"idle_ns":500000,"switches":42})";
const std::string kTotal =
    R"(runnel: report {"kind":"total","version":2,"seed":9,"ended":"duration","wall_ns":2000000,"threads":1,"switches":42,"run_ns":1500000,"preemptions":4,"migrations":6,"activations":3,"latency":{"count":3,"min_ns":900,"p50_ns":1250,"p99_ns":30000,"max_ns":31000},"forks_refused":0})";

Collector collect(std::initializer_list<std::string> lines) {
  Collector collector;
  for (const std::string& line : lines) CHECK(collector.take(line));
  return collector;
}

} // namespace

TEST_CASE("report: lines become a report, other lines are left alone", "[report]") {
  Collector c = collect({kThread + "\r\n", kCpu});
  CHECK_FALSE(c.take("[    0.1] workload: started"));
  CHECK_FALSE(c.take("  runnel: report {}"));
  CHECK_FALSE(c.complete());
  CHECK(c.take(kTotal));
  CHECK(c.complete());
  CHECK(c.report().threads[0].latency.p99_ns == 30000);
  CHECK(c.report().cpus[0].switches == 42);
  CHECK(c.report().total.seed == 9);
  const auto json = to_json(c.report());
  CHECK(json["threads"][0]["task"] == "hog");
  CHECK(json["total"]["latency"]["max_ns"] == 31000);
}

TEST_CASE("report: damaged lines are problems, not crashes", "[report]") {
  for (const char* line :
       {"runnel: report {", "runnel: report []", "runnel: report {\"kind\":\"cpu\"}",
        "runnel: report {\"kind\":\"disk\"}", "runnel: report {\"kind\":\"cpu\",\"cpu\":-1}"}) {
    Collector c;
    CHECK(c.take(line));
    CHECK(c.problems().size() == 1);
  }
  Collector c = collect({kThread, kTotal, kTotal});
  CHECK(c.problems().size() == 1);
  CHECK_FALSE(collect({kTotal}).complete()); // its thread is missing
}

TEST_CASE("report: tables", "[report]") {
  const Collector c = collect({kThread, kCpu, kTotal});
  const std::string text = format_tables(c.report(), {.colour = Colour::kOff, .width = 57});
  CHECK(text ==
        "thread  policy        cpus  run time  share  wakeups      p50      p99      max    slack  misses  "
        "preempted  voluntary  migrated\n"
        "hog     other nice 5  0-3    1.50 ms  75.0%        3  1.25 us  30.0 us  31.0 us  -100 ns       1  "
        "        4          5         6\n"
        "\n"
        "cpu 0   75.0% busy  ###############.....      42 switches\n"
        "\n"
        "1 threads, 2.00 ms of guest time: 3 wake-ups, 42 switches, 4 preemptions, 6 migrations\n"
        "wake-up latency: min 900 ns, p50 1.25 us, p99 30.0 us, max 31.0 us\n");
  CHECK(format_tables(c.report(), {.colour = Colour::kOn}).find("\x1b[1m") != std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("report: a CPU's bar shows its busy share and its line fits the terminal", "[report]") {
  for (u32 width = 60; width <= 200; ++width)
    for (u64 busy = 0; busy <= 54'300'000;
         busy += 1'357'500) { // of a run of --duration 0.05; 67.5 % among them
      Report report;
      report.cpus.push_back({.cpu = 11, .busy_ns = busy, .idle_ns = 54'300'000 - busy, .switches = 1234567});
      const std::string text = format_tables(report, {.colour = Colour::kOff, .width = width});
      const auto start = text.find("cpu 11");
      const std::string line = text.substr(start, text.find('\n', start) - start);
      INFO(line);
      const auto hashes = std::ranges::count(line, '#'),
                 dots = std::ranges::count(line, '.') - 1; // one of the share
      REQUIRE(hashes + dots >= 10);
      REQUIRE(std::abs(static_cast<double>(hashes) / static_cast<double>(hashes + dots) -
                       static_cast<double>(busy) / 54'300'000) <=
              0.5 / static_cast<double>(hashes + dots) + 1e-9);
      REQUIRE(line.size() <= width);
    }
}

TEST_CASE("report: many threads are summed up by task, and notes are made", "[report]") {
  Report report;
  for (u32 i = 0; i < 50; ++i) {
    ThreadRow row;
    row.task = i < 49 ? "many" : "one";
    row.instance = i;
    row.run_ns = 10;
    row.lifetime_ns = 100;
    row.misuses = i == 3 ? 2 : 0;
    report.threads.push_back(row);
  }
  report.total.ended = "stalled";
  report.total.forks_refused = 5;
  const std::string text = format_tables(report, {});
  CHECK(text.find("many x49") != std::string::npos);
  CHECK(text.find("many-3") == std::string::npos);
  CHECK(text.find("490 ns  10.0%") != std::string::npos);
  CHECK(text.find("note: ended early") != std::string::npos);
  CHECK(text.find("note: 2 events without effect") != std::string::npos);
  CHECK(text.find("note: 5 forks refused") != std::string::npos);
}

TEST_CASE("report: what a task asks for is short and whole", "[report]") {
  CHECK(to_string(Params{.policy = "other"}) == "other");
  CHECK(to_string(Params{.policy = "batch", .nice = -3}) == "batch nice -3");
  CHECK(to_string(Params{.policy = "other", .runtime_ns = 100'000}) == "other slice 100 us");
  CHECK(to_string(Params{.policy = "rr", .nice = 5, .priority = 7}) == "rr 7");
  CHECK(to_string(Params{.policy = "deadline",
                         .runtime_ns = 5'000'000,
                         .deadline_ns = 90'000'000,
                         .period_ns = 90'000'000}) == "deadline 5/90 ms");
  CHECK(to_string(Params{
            .policy = "deadline", .runtime_ns = 500'000, .deadline_ns = 2'000'000, .period_ns = 9'000'000}) ==
        "deadline 0.5/2/9 ms");
}

TEST_CASE("report: times have three digits", "[report]") {
  CHECK(human_time(0) == "0 ns");
  CHECK(human_time(999) == "999 ns");
  CHECK(human_time(1000) == "1.00 us");
  CHECK(human_time(9'994) == "9.99 us");
  CHECK(human_time(99'940) == "99.9 us");
  CHECK(human_time(99'960) == "100 us");
  CHECK(human_time(999'600) == "1.00 ms");
  CHECK(human_time(1'500'000'000) == "1.50 s");
  CHECK(human_time(7'200'000'000'000) == "7200 s");
}
