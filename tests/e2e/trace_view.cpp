// SPDX-License-Identifier: Apache-2.0
// The page `runnel trace` writes, used in a browser as a person would: with the mouse, the wheel and keys.
// What is asserted is what the page then says.
#include "qemu/trace/page.hpp"

#include "tests/e2e/browser.hpp"
#include "tests/trace_rings.hpp"

#include <catch2/catch.hpp>
#include <cstdio>

using namespace runnel;
using namespace runnel::e2e;
using namespace runnel::test_rings;
using Catch::Matchers::Contains;

namespace {

constexpr u64 kUs = 1000, kMs = 1'000'000;

/// Without a browser these tests say so and pass.
bool skipped() {
  if (Browser::available()) return false;
  std::puts("SKIP: the page of a trace was not tested: chromium is not installed");
  return true;
}

/// 20 ms on two CPUs: audio wakes every 5 ms and is picked over hog for its earlier deadline, video misses
/// one.
Rings small_trace() {
  Rings rings;
  rings.name(5, "audio").name(6, "hog").name(7, "video").name(8, "<b>&\"</script>");
  rings.switches(10 * kUs, 0, 0, 0, 6);
  for (u64 t = kMs; t < 20 * kMs; t += 5 * kMs) {
    rings.add({t, EventType::kIrqEntry, 0, 0, 0, 0});
    rings.waking(t + 2 * kUs, 0, 5, 0).wakeup(t + 4 * kUs, 0, 5, 0);
    rings.add({t + 6 * kUs, EventType::kIrqExit, 0, 0, 0, 0});
    rings.pick(t + 9 * kUs, 0, 5, -1'500'000, 20'000);
    rings.switches(t + 10 * kUs, 0, 6, kPreempted, 5, PickReason::kEarliestEligible);
    rings.switches(t + kMs, 0, 5, kSleeps, 6, PickReason::kOnlyOne);
  }
  rings.switches(5 * kMs, 1, 0, 0, 7, PickReason::kEarliestDeadline, 120, -1);
  rings.add({8 * kMs, EventType::kDeadlineMiss, 1, 7, 7 * kMs, kMs});
  rings.switches(9 * kMs, 1, 7, kSleeps, 0, PickReason::kIdle, -1, 120);
  rings.waking(12 * kMs, 1, 8, 1).wakeup(12 * kMs + kUs, 1, 8, 1);
  rings.switches(13 * kMs, 1, 0, 0, 8).switches(20 * kMs, 1, 8, kSleeps, 0, PickReason::kIdle);
  return rings;
}

qemu::fs::path page_of(const Rings& rings, const qemu::TempFolder& folder,
                       std::string_view title = "a <test>") {
  const qemu::TraceLog log = rings.log();
  const auto violations = qemu::check_trace(log);
  const qemu::fs::path file = folder.path() / "trace.html";
  qemu::write_file(file, qemu::to_page(log, qemu::make_timeline(log), violations, title));
  return file;
}

/// A page in a browser, and where things are on it.
struct Opened {
  explicit Opened(const Rings& rings) : browser(1400, 900) { browser.open(page_of(rings, folder)); }

  /// Of a moment since the trace's start, in the page.
  double x(double ns) {
    return browser.number(
        "document.getElementById('chart').getBoundingClientRect().left + runnelTrace.view.x(" +
        std::to_string(ns) + ")");
  }
  /// The middle of a row, by the name that stands before it.
  double y(const std::string& name) {
    return browser.number(
        "(() => { const v = runnelTrace.view; const lane = v.lanes.find((l) => l.name === '" + name +
        "'); return v.chart.getBoundingClientRect().top + lane.y + lane.height / 2 - "
        "v.scroller.scrollTop; })()");
  }
  double from() { return browser.number("runnelTrace.view.from"); }
  double length() { return browser.number("runnelTrace.view.to - runnelTrace.view.from"); }
  void search(const std::string& text) {
    browser.key("Escape");
    browser.key("/");
    browser.type(text);
  }

  qemu::TempFolder folder;
  Browser browser;
};

} // namespace

TEST_CASE("e2e trace view: pointing at a run tells why it was picked, with the values that decided",
          "[e2e][trace][view]") {
  if (skipped()) return;
  Opened page(small_trace());
  Browser& b = page.browser;
  CHECK_FALSE(b.shows("#tip"));
  b.move(page.x(1.5 * kMs), page.y("CPU 0")); // audio's first run; the trace starts at its first event, 10 us
  REQUIRE(b.shows("#tip"));
  const std::string tip = b.text("#tip");
  CHECK_THAT(tip, Contains("audio/5 on CPU 0"));
  CHECK_THAT(b.text("#tip .reason"), Contains("owed time (lag >= 0)"));
  CHECK_THAT(tip, Contains("earliest-eligible"));
  CHECK_THAT(tip, Contains("\u22121.50 ms of virtual time"));
  CHECK_THAT(tip, Contains("+20.0 \u00b5s of virtual time"));
  CHECK_THAT(tip, Contains("interrupt timer on CPU 0"));
  CHECK_THAT(tip, Contains("8.00 \u00b5s"));
  CHECK_THAT(tip, Contains("went to sleep (interruptible) (S)"));
  b.move(page.x(3 * kMs), page.y("hog/6"));
  CHECK_THAT(b.text("#tip"), Contains("nothing else was runnable here"));
  CHECK_THAT(b.text("#tip"), Contains("was preempted (R+)"));
  b.move(page.x(6 * kMs), page.y("CPU 1"));
  CHECK_THAT(b.text("#tip"), Contains("Deciding values\nnot recorded"));
  CHECK_THAT(b.text("#tip"), Contains("deadline (-1)"));
  b.move(page.x(11 * kMs), page.y("CPU 1"));
  CHECK_THAT(b.text("#tip"), Contains("CPU 1 is idle"));
  b.move(page.x(12.5 * kMs), page.y("<b>&\"</script>/8"));
  CHECK_THAT(b.text("#tip"), Contains("waits for a CPU"));
  b.move(page.x(15 * kMs), page.y("audio/5")); // asleep: nothing to say
  CHECK_FALSE(b.shows("#tip"));
  CHECK(b.errors().empty());
}

TEST_CASE("e2e trace view: wheel and keys zoom and move", "[e2e][trace][view]") {
  if (skipped()) return;
  Opened page(small_trace());
  Browser& b = page.browser;
  const double whole = page.length();
  CHECK(whole == Approx(20 * kMs - 10 * kUs));
  CHECK_THAT(b.text("#status"), Contains("(20.0 ms)"));
  const double x = page.x(6 * kMs);
  b.wheel(x, page.y("CPU 0"), -700);
  CHECK(page.length() < whole / 3);
  CHECK(page.x(6 * kMs) == Approx(x).margin(4)); // what was under the pointer (a whole pixel) stays there
  CHECK_THAT(b.text("#status"), !Contains("(20.0 ms)"));
  const double zoomed = page.length(), from = page.from();
  b.wheel(x, page.y("CPU 0"), 200, Browser::Shift::kOn);
  CHECK(page.from() > from);
  CHECK(page.length() == Approx(zoomed));
  b.wheel(x, page.y("CPU 0"), 700);
  CHECK(page.length() > zoomed);
  b.key("f");
  CHECK(page.length() == Approx(whole));
  b.key("w");
  b.key("+");
  CHECK(page.length() == Approx(whole / 1.6 / 1.6));
  const double before = page.from();
  b.key("ArrowRight");
  CHECK(page.from() > before);
  b.key("a");
  CHECK(page.from() == Approx(before));
  b.key("s");
  CHECK(page.length() == Approx(whole / 1.6));
  b.click("#fit");
  CHECK(page.length() == Approx(whole));
  b.drag(page.x(5 * kMs), page.y("CPU 0"), page.x(10 * kMs), page.y("CPU 0"), Browser::Shift::kOn);
  CHECK(page.from() == Approx(5 * kMs).epsilon(0.02));
  CHECK(page.length() == Approx(5 * kMs).epsilon(0.02));
  b.drag(page.x(9 * kMs), page.y("CPU 1"), page.x(6 * kMs), page.y("CPU 1"));
  CHECK(page.from() == Approx(8 * kMs).epsilon(0.02)); // dragged to the left: later
  for (int i = 0; i < 60; ++i) b.key("w");
  CHECK(page.length() == Approx(50)); // not closer than that
  CHECK(b.errors().empty());
}

TEST_CASE("e2e trace view: search finds threads, pids, events, reasons and states", "[e2e][trace][view]") {
  if (skipped()) return;
  Opened page(small_trace());
  Browser& b = page.browser;
  page.search("AUD");
  CHECK(b.text("#found") == "4 matches");
  b.key("Enter");
  CHECK(b.text("#found") == "1 of 4");
  CHECK_THAT(b.text("#details"), Contains("audio/5 on CPU 0"));
  CHECK_THAT(b.text("#details"), Contains("from 1.000\u202f000 ms"));
  b.key("Enter");
  CHECK(b.text("#found") == "2 of 4");
  b.click("#previous");
  CHECK(b.text("#found") == "1 of 4");
  page.search("7");
  CHECK(b.text("#found") == "1 match");
  page.search("deadline_miss");
  CHECK(b.text("#found") == "1 match");
  b.key("Enter");
  CHECK_THAT(b.text("#details"), Contains("a deadline was missed"));
  page.search("earliest-eligible");
  CHECK(b.text("#found") == "4 matches");
  page.search("R+");
  CHECK(b.text("#found") == "4 matches");
  page.search("timer");
  CHECK(b.text("#found") == "4 matches");
  page.search("waking");
  CHECK(b.text("#found") == "5 matches");
  page.search("no such thing");
  CHECK(b.text("#found") == "no match");
  CHECK(b.evaluate("document.getElementById('next').disabled") == true);
  b.key("Escape");
  CHECK(b.text("#found").empty());
  CHECK_THAT(b.text("#details"), Contains("Nothing chosen"));
  CHECK(b.errors().empty());
}

TEST_CASE("e2e trace view: deadline misses, threads and their latencies", "[e2e][trace][view]") {
  if (skipped()) return;
  Opened page(small_trace());
  Browser& b = page.browser;
  CHECK_THAT(b.text("#summary"), Contains("1 deadline miss"));
  CHECK_THAT(b.text("#latency-text"), Contains("5 wake-ups: min 8.00 \u00b5s"));
  b.key("m");
  CHECK_THAT(b.text("#details .bad"), Contains("a deadline was missed"));
  CHECK_THAT(b.text("#details"), Contains("video/7"));
  CHECK_THAT(b.text("#details"), Contains("+1.00 ms"));
  // The miss is red where it was.
  const Browser::Json pixel = b.evaluate(
      "(() => { const v = runnelTrace.view; const lane = v.lanes.find((l) => l.name === 'video/7'); "
      "return [...v.chart.getContext('2d').getImageData(Math.round(v.x(7.99e6)), lane.y + 4, 1, 1).data]; "
      "})()");
  CHECK(pixel[0] > 180);
  CHECK(pixel[1] < 60);
  b.key("Escape");
  b.click(b.number("document.getElementById('chart').getBoundingClientRect().left") + 40, page.y("audio/5"));
  CHECK(b.text("#latency-title") == "Wake-up latency of audio/5");
  CHECK_THAT(b.text("#latency-text"), Contains("4 wake-ups: min 8.00 \u00b5s, p50 8.00 \u00b5s"));
  CHECK(b.shows("#histogram"));
  CHECK(b.evaluate("document.querySelector('tr[aria-selected=true]').innerText")
            .get<std::string>()
            .find("audio") == 0);
  b.key(".");
  CHECK_THAT(b.text("#details"), Contains("audio/5 on CPU 0"));
  b.click("tr[data-thread='2']");
  CHECK(b.text("#latency-title") == "Wake-up latency of hog/6");
  CHECK_THAT(b.text("#latency-text"), Contains("was not woken"));
  CHECK_FALSE(b.shows("#histogram"));
  CHECK(b.errors().empty());
}

TEST_CASE("e2e trace view: dark and light, by the system's choice and by the toggle", "[e2e][trace][view]") {
  if (skipped()) return;
  Opened page(small_trace());
  Browser& b = page.browser;
  const std::string back = "getComputedStyle(document.body).backgroundColor";
  const std::string corner = "[...runnelTrace.view.chart.getContext('2d').getImageData(3, 3, 1, 1).data][0]";
  CHECK(b.evaluate(back) == "rgb(255, 255, 255)");
  CHECK(b.number(corner) > 200);
  b.prefer("dark");
  b.move(5, 5);
  CHECK(b.evaluate(back) == "rgb(20, 23, 28)");
  CHECK(b.number(corner) < 60); // the canvases follow
  b.click("#theme");
  CHECK(b.evaluate(back) == "rgb(255, 255, 255)");
  b.key("t");
  CHECK(b.evaluate("document.documentElement.dataset.theme") == "dark");
  CHECK(b.errors().empty());
}

TEST_CASE("e2e trace view: lost events and contradictions are said, names are text", "[e2e][trace][view]") {
  if (skipped()) return;
  Rings rings = small_trace();
  rings.lose(1, 1234).switches(25 * kMs, 0, 99, kSleeps, 0);
  Opened page(rings);
  Browser& b = page.browser;
  CHECK_THAT(b.text("#lost-banner"), Contains("events were overwritten"));
  CHECK_THAT(b.text("#lost-banner"), Contains("234"));
  CHECK(b.shows("#lost-key"));
  CHECK_THAT(b.text("#violation-banner"), Contains("contradicts itself in 1 place"));
  b.click("#violation-banner summary");
  CHECK_THAT(b.text("#violation-banner li"), Contains("chain: cpu 0"));
  CHECK(b.text("h1") == "a <test>");
  CHECK_THAT(b.text("#thread-rows"), Contains("<b>&\"</script>"));
  CHECK(b.errors().empty());
}

TEST_CASE("e2e trace view: a trace without events says so", "[e2e][trace][view]") {
  if (skipped()) return;
  Opened page(Rings{});
  CHECK(page.browser.shows("#empty"));
  CHECK_THAT(page.browser.text("#empty"), Contains("No scheduling events"));
  CHECK_FALSE(page.browser.shows("#chart"));
  CHECK(page.browser.errors().empty());
}

TEST_CASE("e2e trace view: what a frame costs does not grow with the trace", "[e2e][trace][view]") {
  if (skipped()) return;
  // Times are the host's; counted is what is drawn, of a view of the whole trace.
  const auto drawn = [](u64 switches) {
    Rings rings;
    for (u32 pid = 1; pid <= 16; ++pid) rings.name(pid, "t" + std::to_string(pid));
    for (u16 cpu = 0; cpu < 4; ++cpu)
      for (u64 i = 0; i < switches / 4; ++i) {
        const auto pid = [&](u64 n) { return static_cast<u32>(cpu * 4 + 1 + n % 4); };
        rings.switches(1000 + i * 1000, cpu, pid(i), kPreempted, pid(i + 1), PickReason::kRoundRobin);
      }
    Opened page(rings);
    Browser& b = page.browser;
    b.evaluate(
        "window.calls = 0; for (const name of ['fillRect', 'fill', 'stroke', 'fillText']) { const original = "
        "CanvasRenderingContext2D.prototype[name]; CanvasRenderingContext2D.prototype[name] = function "
        "(...a) "
        "{ window.calls++; return original.apply(this, a); }; }");
    b.key("w");
    b.evaluate("window.calls = 0");
    b.key("f");
    const double calls = b.number("window.calls");
    CHECK_THAT(b.text("#summary"), Contains("16 threads"));
    b.wheel(page.x(1e6), page.y("CPU 0"), -600);
    b.move(page.x(page.from() + page.length() / 2), page.y("CPU 0"));
    CHECK_THAT(b.text("#tip"), Contains("too short to tell apart") || Contains("on CPU 0"));
    CHECK(b.errors().empty());
    return calls;
  };
  const double few = drawn(10'000), many = drawn(160'000);
  CHECK(many < few * 1.5);
  CHECK(many < 1400 * 20); // one a pixel of each row
}
