// SPDX-License-Identifier: Apache-2.0
// Chrome's JSON and the page's own data: both parse whatever names and numbers they hold, and say what they
// should.
#include "qemu/trace/chrome.hpp"
#include "qemu/trace/page.hpp"

#include "tests/trace_rings.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace runnel;
using namespace runnel::qemu;
using namespace runnel::test_rings;
using nlohmann::json;

namespace {

Rings two_threads() {
  Rings rings;
  rings.name(5, "hog").name(6, "audio");
  rings.switches(1'000, 0, 0, 0, 5).waking(2'500, 0, 6, 1).wakeup(2'600, 1, 6, 1);
  rings.pick(3'000, 1, 6, -1500, 20);
  rings.switches(3'001, 1, 0, 0, 6, PickReason::kEarliestEligible, 120, 110);
  rings.add({4'000, EventType::kDeadlineMiss, 1, 6, 3'900, 100});
  rings.switches(5'000, 1, 6, kSleeps, 0, PickReason::kIdle).switches(6'000, 0, 5, kPreempted, 0);
  return rings;
}

json chrome(const Rings& rings) {
  const TraceLog log = rings.log();
  return json::parse(to_chrome_json(log, make_timeline(log)));
}

/// The events of which all these members are so.
std::vector<json> those(const json& trace, const json& members) {
  std::vector<json> found;
  for (const json& event : trace["traceEvents"]) {
    bool fits = true;
    for (const auto& [key, value] : members.items())
      fits = fits && event.contains(key) && event[key] == value;
    if (fits) found.push_back(event);
  }
  return found;
}

} // namespace

TEST_CASE("trace json: a track for each CPU and each thread", "[trace]") {
  const json trace = chrome(two_threads());
  CHECK(trace["displayTimeUnit"] == "ns");
  CHECK(those(trace, {{"ph", "M"}, {"pid", 1}, {"tid", 1}, {"name", "thread_name"}})[0]["args"]["name"] ==
        "cpu 1");
  CHECK(those(trace, {{"ph", "M"}, {"pid", 2}, {"tid", 6}, {"name", "thread_name"}})[0]["args"]["name"] ==
        "audio/6");
  const auto on_cpu = those(trace, {{"ph", "X"}, {"pid", 1}, {"tid", 1}});
  REQUIRE(on_cpu.size() == 1); // idle stays white
  CHECK(on_cpu[0]["name"] == "audio/6");
  CHECK(on_cpu[0]["ts"] == 3.001);
  CHECK(on_cpu[0]["dur"] == 1.999);
  CHECK(on_cpu[0]["args"]["picked"] == "earliest-eligible");
  CHECK(on_cpu[0]["args"]["values"] == "virtual deadline - V = -1500 ns, lag = 20 ns");
  CHECK(on_cpu[0]["args"]["prio"] == 110);
  CHECK(on_cpu[0]["args"]["left in state"] == "S");
  const auto of_thread = those(trace, {{"ph", "X"}, {"pid", 2}, {"tid", 6}});
  REQUIRE(of_thread.size() == 2);
  CHECK(of_thread[0]["name"] == "on cpu 1");
  CHECK(of_thread[1]["name"] == "runnable");
  CHECK(of_thread[1]["ts"] == 2.5);
}

TEST_CASE("trace json: an arrow from the waker to the woken", "[trace]") {
  const json trace = chrome(two_threads());
  const auto starts = those(trace, {{"ph", "s"}}), ends = those(trace, {{"ph", "f"}});
  REQUIRE(starts.size() == 1);
  REQUIRE(ends.size() == 1);
  CHECK(starts[0]["id"] == ends[0]["id"]);
  CHECK(starts[0]["ts"] == 2.5);
  CHECK(starts[0]["tid"] == 0);
  CHECK(ends[0]["ts"] == 3.001);
  CHECK(ends[0]["tid"] == 1);
  CHECK(ends[0]["bp"] == "e");
}

TEST_CASE("trace json: a missed deadline is an instant on its thread", "[trace]") {
  const auto misses = those(chrome(two_threads()), {{"ph", "i"}, {"name", "deadline_miss"}});
  REQUIRE(misses.size() == 1);
  CHECK(misses[0]["pid"] == 2);
  CHECK(misses[0]["tid"] == 6);
  CHECK(misses[0]["cname"] == "terrible");
  CHECK(misses[0]["args"] ==
        json({{"thread", "audio/6"}, {"the deadline", "3900 ns"}, {"late by", "100 ns"}}));
  Rings moved;
  moved.add({1, EventType::kSchedMigrateTask, 0, 5, trace::pack_prio(2, 120), 3});
  const auto moves = those(chrome(moved), {{"ph", "i"}, {"name", "sched_migrate_task"}});
  REQUIRE(moves.size() == 1);
  CHECK(moves[0]["pid"] == 1); // a CPU's affair
  CHECK(moves[0]["args"] == json({{"thread", "?/5"}, {"from", "cpu 2"}, {"to", "cpu 3"}}));
}

TEST_CASE("trace json: accounted time is an instant on its thread, and not in the page", "[trace]") {
  Rings rings = two_threads();
  rings.add({4'500, EventType::kSchedStatRuntime, 1, 6, 1'499, 0});
  const auto accounts = those(chrome(rings), {{"ph", "i"}, {"name", "sched_stat_runtime"}});
  REQUIRE(accounts.size() == 1);
  CHECK(accounts[0]["pid"] == 2);
  CHECK(accounts[0]["tid"] == 6);
  CHECK(accounts[0]["args"] == json({{"thread", "audio/6"}, {"runtime", "1499 ns"}}));
  CHECK(make_timeline(rings.log()).marks.size() == make_timeline(two_threads().log()).marks.size());
}

TEST_CASE("trace json: any name is escaped", "[trace]") {
  Rings rings;
  rings.name(5, "\"\\\n\x01</script>")
      .name(6, "\xff\xc3\xa9")
      .switches(1, 0, 5, 1, 6)
      .switches(2, 0, 6, 1, 0);
  const json trace = chrome(rings);
  CHECK(those(trace, {{"ph", "X"}, {"pid", 1}})[0]["name"] == "\"\\\n\x01</script>/5");
  CHECK(those(trace, {{"ph", "X"}, {"pid", 1}})[1]["name"] == "\xef\xbf\xbd\xc3\xa9/6"); // no UTF-8: replaced
}

TEST_CASE("trace json: lost events are said", "[trace]") {
  Rings rings = two_threads();
  CHECK(chrome(rings)["otherData"]["lost events"] == "none");
  const json trace = chrome(rings.lose(1, 9));
  CHECK(trace["otherData"]["lost events"] == "cpu 1: 9");
  CHECK(those(trace, {{"name", "events before this were lost"}})[0]["ts"] == 2.6);
}

TEST_CASE("trace json: every kind of event parses", "[trace]") {
  Rings rings;
  for (u16 type = 0; type <= static_cast<u16>(EventType::kMark) + 3; ++type)
    rings.add({100u * type, static_cast<EventType>(type), 0, 5, ~u64{0}, ~u64{0}});
  CHECK(chrome(rings)["traceEvents"].is_array());
  const TraceLog log = rings.log();
  CHECK(json::parse(pack_trace(log, make_timeline(log), {}, "t"))["marks"]["count"] > 10);
  CHECK(chrome(Rings{})["traceEvents"].is_array());
}

TEST_CASE("trace page: its data says what the trace holds, and cannot end its script element", "[trace]") {
  Rings rings = two_threads();
  rings.name(6, "</script>").lose(1, 9);
  const TraceLog log = rings.log();
  const std::vector<Violation> violations = {{Rule::kChain, 2'000, "cpu 0: <odd>"}};
  const std::string packed = pack_trace(log, make_timeline(log), violations, "a {{title}} <b>");
  CHECK(packed.find('<') == std::string::npos);
  const json data = json::parse(packed);
  const json& about = data["about"];
  CHECK(about["title"] == "a {{title}} <b>");
  CHECK(about["span"] == 5'000);
  CHECK(about["completeFrom"] == 1'600);
  CHECK(about["lost"] == json::array({{{"cpu", 1}, {"count", 9}}}));
  CHECK(about["threads"][2]["name"] == "</script>");
  CHECK(about["violations"][0]["time"] == 1'000);
  CHECK(about["violations"][0]["rule"] == "chain");
  CHECK(about["violations"][0]["text"] == "cpu 0: <odd>");
  CHECK(about["reasons"].size() == kReasons);
  CHECK(about["events"].size() == kEvents);
  CHECK(data["slices"]["count"] == 6);
  // One wake-up: 1500 ns after the start (0xdc 0x0b: 92 + 11 * 128), thread 2, by CPU 0, thread 1, flags: it
  // ran, after 501 ns (0xf5 0x03), on CPU 1.
  CHECK(data["wakeups"]["count"] == 1);
  CHECK(data["wakeups"]["bytes"] == "3AsCAAEE9QMB");
  CHECK(data["marks"]["count"] == 1);
}

TEST_CASE("trace page: one file that loads nothing", "[trace]") {
  const TraceLog log = two_threads().log();
  const std::string page = to_page(log, make_timeline(log), {}, "<i>\"{{trace}}\"</i>");
  CHECK(page.find("{{s") == std::string::npos);
  CHECK(page.find("<title>&#60;i&#62;&#34;&#123;&#123;trace") != std::string::npos);
  for (const char* fetching :
       {"src=", "href=", "@import", "fetch(", "XMLHttpRequest", "http:", "https:", "url("})
    CHECK(page.find(fetching) == std::string::npos);
}
