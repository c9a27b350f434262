// SPDX-License-Identifier: Apache-2.0
// kernel/test/ktap: the lines the test runner prints, and which tests a pattern selects.
#include "kernel/test/ktap.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace runnel;
using namespace runnel::test::ktap;

namespace {

template <typename Print> std::string printed(Print print) {
  char text[256];
  BufferSink sink{text};
  print(sink);
  return std::string(sink.view());
}

} // namespace

TEST_CASE("ktap: head and suites", "[ktap]") {
  CHECK(printed([](Sink& s) { begin(2, s); }) == "KTAP version 1\n1..2\n");
  CHECK(printed([](Sink& s) { begin_suite("mm", 3, s); }) == "  KTAP version 1\n  # Subtest: mm\n  1..3\n");
}

TEST_CASE("ktap: test points", "[ktap]") {
  CHECK(printed([](Sink& s) { case_point(Verdict::kPassed, 1, "a", "", 12, s); }) ==
        "  ok 1 a # time_us=12\n");
  CHECK(printed([](Sink& s) { case_point(Verdict::kFailed, 2, "b", "", 0, s); }) ==
        "  not ok 2 b # time_us=0\n");
  CHECK(printed([](Sink& s) { case_point(Verdict::kSkipped, 3, "c", "needs 4 CPUs", 0, s); }) ==
        "  ok 3 c # SKIP needs 4 CPUs\n");
}

TEST_CASE("ktap: a suite fails with one of its cases and is skipped with all of them", "[ktap]") {
  CHECK(printed([](Sink& s) { suite_point(1, "mm", {2, 0, 1}, s); }) == "ok 1 mm\n");
  CHECK(printed([](Sink& s) { suite_point(2, "mm", {2, 1, 1}, s); }) == "not ok 2 mm\n");
  CHECK(printed([](Sink& s) { suite_point(3, "mm", {0, 0, 2}, s); }) ==
        "ok 3 mm # SKIP every test was skipped\n");
  Counts counts;
  counts.add(Verdict::kPassed);
  counts.add(Verdict::kSkipped);
  counts.add(Verdict::kSkipped);
  CHECK(printed([&](Sink& s) { totals(counts, s); }) == "# Totals: pass:1 fail:0 skip:2\n");
}

TEST_CASE("ktap: names", "[ktap]") {
  CHECK(suite_of("mm.buddy") == "mm");
  CHECK(case_of("mm.buddy") == "buddy");
  CHECK(suite_of("mm") == "mm");
  CHECK(case_of("mm").empty());
}

TEST_CASE("ktap: which tests a pattern selects", "[ktap]") {
  const auto by_default = [](const char* patterns, const char* name) {
    return selects(patterns, name, ByName::kNo);
  };
  CHECK(by_default("*", "mm.buddy"));
  CHECK(by_default("mm", "mm.buddy"));
  CHECK(by_default("m*", "mm.buddy"));
  CHECK(by_default("*.buddy", "mm.buddy"));
  CHECK(by_default("x,mm.b*", "mm.buddy"));
  CHECK_FALSE(by_default("mm", "mm_cid.compact"));
  CHECK_FALSE(by_default("buddy", "mm.buddy"));
  CHECK_FALSE(by_default("", "mm.buddy"));
}

TEST_CASE("ktap: tests that are to be had by name only", "[ktap]") {
  const auto by_name = [](const char* patterns) { return selects(patterns, "demo.panic", ByName::kYes); };
  CHECK(by_name("demo.panic"));
  CHECK(by_name("demo.*"));
  CHECK(by_name("mm.*,demo.p*"));
  CHECK_FALSE(by_name("*"));
  CHECK_FALSE(by_name("*.*"));
  CHECK_FALSE(by_name("*.panic"));
  CHECK_FALSE(by_name("d*.panic"));
  CHECK_FALSE(by_name("demo"));
  CHECK_FALSE(by_name("demo.fail"));
}
