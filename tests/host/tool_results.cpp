// SPDX-License-Identifier: Apache-2.0
// What the host tool makes of results: sums, JUnit, JSON; and its readers of other programs' output.
#include "qemu/catch_xml.hpp"
#include "qemu/junit.hpp"
#include "qemu/registers.hpp"
#include "qemu/statistics.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace runnel;
using namespace runnel::qemu;

namespace {

TestResult result(std::string group, std::string name, Verdict verdict,
                  ExitStatus kind = ExitStatus::kPassed) {
  TestResult r;
  r.group = std::move(group);
  r.suite = "suite";
  r.name = std::move(name);
  r.verdict = verdict;
  r.kind = kind;
  r.reason = "because <of> \"this\" & that";
  r.log = "line\n";
  return r;
}

} // namespace

TEST_CASE("tool results: sums, the worst status, order by group") {
  Results results;
  CHECK(results.status() == ExitStatus::kPassed);
  results.add(result("b", "1", Verdict::kPassed));
  results.add(result("a", "2", Verdict::kFailed));
  results.add(result("b", "3", Verdict::kFailed, ExitStatus::kHang));
  results.add(result("a", "4", Verdict::kSkipped));
  results.add(result("a", "5", Verdict::kFailed, ExitStatus::kPanic));
  CHECK(results.status() == ExitStatus::kHang);
  CHECK(total_line(results.counts()) == "1 passed, 3 failed, 1 skipped");
  CHECK(total_line({7, 0, 0}) == "7 passed, 0 failed");
  std::string order;
  for (const TestResult& r : results.take()) order += r.group + r.name + " ";
  CHECK(order == "a2 a4 a5 b1 b3 ");
}

TEST_CASE("tool junit: text is escaped, what XML cannot hold is replaced") {
  CHECK(escape_xml("a<b>&\"c\"") == "a&lt;b&gt;&amp;&quot;c&quot;");
  CHECK(escape_xml(std::string_view("\x01\x00\x1b", 3)) == "???");
  CHECK(escape_xml("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x99\x82") == "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x99\x82");
  CHECK(escape_xml("\xc3") == "?");
  CHECK(escape_xml("\xc0\x80") == "??");
  CHECK(escape_xml("\xed\xa0\x80") == "???"); // half a surrogate pair
  CHECK(escape_xml("\xef\xbf\xbf") == "???"); // U+FFFF
}

TEST_CASE("tool junit: a suite per group with its sums") {
  const TestResult list[] = {
      result("a", "1", Verdict::kPassed), result("a", "2", Verdict::kFailed, ExitStatus::kFailed),
      result("a", "3", Verdict::kFailed, ExitStatus::kPanic), result("b", "4", Verdict::kSkipped)};
  const std::string xml = to_junit(list, 0);
  CHECK(xml.find("<testsuite name=\"a\" package=\"runnel\" id=\"0\" timestamp=\"1970-01-01T00:00:00\"") !=
        std::string::npos);
  CHECK(xml.find("tests=\"3\" failures=\"1\" errors=\"1\" skipped=\"0\"") != std::string::npos);
  CHECK(xml.find("tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"1\"") != std::string::npos);
  CHECK(xml.find("<error message=\"because &lt;of&gt; &quot;this&quot; &amp; that\" type=\"panic\">") !=
        std::string::npos);
}

TEST_CASE("tool json: results can be read back") {
  const TestResult list[] = {result("a", "1", Verdict::kPassed),
                             result("a", "2", Verdict::kFailed, ExitStatus::kHang)};
  const auto json = nlohmann::json::parse(to_json(list, {1, 1, 0}, ExitStatus::kHang));
  CHECK(json["passed"] == 1);
  CHECK(json["status"] == 4);
  CHECK(json["results"][1]["name"] == "suite.2");
  CHECK(json["results"][1]["verdict"] == "failed");
}

TEST_CASE("tool catch: results are read, also of a program that died in the middle") {
  const auto results = parse_catch_xml(R"(<?xml version="1.0" encoding="UTF-8"?>
<Catch name="host-tests">
  <Group name="host-tests">
    <TestCase name="a &lt;b&gt;" tags="[x]" filename="/t/a.cpp" line="12">
      <OverallResult success="true" durationInSeconds="0.25"/>
    </TestCase>
    <TestCase name="bad" filename="/t/b.cpp" line="3">
      <Section name="inner" filename="/t/b.cpp" line="4">
        <Expression success="false" type="CHECK" filename="/t/b.cpp" line="5">
          <Original>
            x == y
          </Original>
          <Expanded>
            1 == 2
          </Expanded>
        </Expression>
        <OverallResults successes="0" failures="1" expectedFailures="0" durationInSeconds="0.1"/>
      </Section>
      <OverallResult success="false" durationInSeconds="0.5"/>
    </TestCase>
    <TestCase name="dies" filename="/t/c.cpp" line="7">
)");
  REQUIRE(results.size() == 3);
  CHECK(results[0].name == "a <b>");
  CHECK((results[0].ended && results[0].passed && results[0].line == 12));
  CHECK(results[0].seconds == Approx(0.25));
  CHECK((results[1].ended && !results[1].passed));
  CHECK(results[1].log == "section: inner\n/t/b.cpp:5: CHECK\n  x == y\n  1 == 2\n");
  CHECK_FALSE(results[2].ended);
}

TEST_CASE("tool registers: both architectures' dumps") {
  const auto x86 =
      parse_registers("\r\nCPU#0\r\n"
                      "RAX=0000000000000001 RBX=0 RCX=0 RDX=0\r\n"
                      "RSI=0 RDI=0 RBP=ffffc00000003fb0 RSP=ffffc00000003f90\r\n"
                      "RIP=ffffffff80201234 RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n"
                      "ES =0000 0000000000000000 00000000 00000000\r\n"
                      "\r\nCPU#1\r\nRIP=ffffffff80205678 RFL=0 CPL=0 HLT=0\r\n");
  REQUIRE(x86.size() == 2);
  CHECK(x86[0].pc == 0xffffffff80201234);
  CHECK(x86[0].sp == 0xffffc00000003f90);
  CHECK(x86[0].frame == 0xffffc00000003fb0);
  CHECK(x86[0].halted);
  CHECK(x86[1].cpu == 1);
  CHECK_FALSE(x86[1].halted);
  const auto arm = parse_registers("CPU#0\n PC=ffffffff80200400 X00=0000000000000000 X01=0000000000000001\n"
                                   "X29=ffffc00000003fe0 X30=ffffffff80200500  SP=ffffc00000003fd0\n"
                                   "PSTATE=600003c5 -ZC- EL1h\n");
  REQUIRE(arm.size() == 1);
  CHECK(arm[0].pc == 0xffffffff80200400);
  CHECK(arm[0].sp == 0xffffc00000003fd0);
  CHECK(arm[0].frame == 0xffffc00000003fe0);
  CHECK(parse_registers("unknown command").empty());
}

TEST_CASE("tool statistics: the median") {
  CHECK(median({}) == 0);
  CHECK(median({3}) == 3);
  CHECK(median({5, 1, 3}) == 3);
  CHECK(median({4, 1, 3, 2}) == 2);
}
