// SPDX-License-Identifier: Apache-2.0
// The host tool's KTAP reader, its line splitter and its reader of the kernel's own lines.
#include "qemu/ktap.hpp"
#include "qemu/lines.hpp"
#include "qemu/protocol.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace runnel;
using namespace runnel::qemu;

namespace {

std::vector<KtapResult> read(KtapParser& parser, std::string_view text) {
  std::vector<KtapResult> results;
  LineSplitter lines;
  const auto take = [&](const std::string& line) {
    if (auto result = parser.take(line)) results.push_back(std::move(*result));
  };
  lines.feed(text, take);
  lines.finish(take);
  return results;
}

} // namespace

TEST_CASE("tool ktap: suites, verdicts, times and logs are read") {
  KtapParser parser;
  const auto results = read(parser, "[    0.001] hello\n"
                                    "KTAP version 1\n1..2\n"
                                    "  KTAP version 1\n  # Subtest: timer\n  1..3\n"
                                    "  ok 1 fires # time_us=120\n"
                                    "  # FAILED CHECK(a == b) at x.cpp:3 on cpu 1\n  #   with 3 == 4\n"
                                    "  not ok 2 cancels # time_us=7\n"
                                    "  ok 3 far # SKIP needs 8 CPUs\n"
                                    "not ok 1 timer\n"
                                    "  KTAP version 1\n  # Subtest: mm\n  1..1\n"
                                    "  ok 1 pages\n"
                                    "ok 2 mm\n# Totals: pass:2 fail:1 skip:1\n");
  REQUIRE(results.size() == 4);
  CHECK(results[0].suite == "timer");
  CHECK(results[0].name == "fires");
  CHECK(results[0].verdict == KtapVerdict::kPassed);
  CHECK(results[0].time_us == 120u);
  CHECK(results[0].log == "[    0.001] hello\n");
  CHECK(results[1].verdict == KtapVerdict::kFailed);
  CHECK(results[1].log == "  # FAILED CHECK(a == b) at x.cpp:3 on cpu 1\n  #   with 3 == 4\n");
  CHECK(results[2].verdict == KtapVerdict::kSkipped);
  CHECK(results[2].reason == "needs 8 CPUs");
  CHECK(results[3].suite == "mm");
  CHECK_FALSE(results[3].time_us.has_value());
  CHECK(parser.complete());
  CHECK(parser.problems().empty());
}

TEST_CASE("tool ktap: what a guest printed before it fell is kept") {
  KtapParser parser;
  const auto results = read(parser, "KTAP version 1\n1..2\n  KTAP version 1\n  # Subtest: demo\n  1..2\n"
                                    "  ok 1 fine\nrunnel: panic demo\n  while running demo.panic\n");
  REQUIRE(results.size() == 1);
  CHECK(parser.unfinished_log() == "runnel: panic demo\n  while running demo.panic\n");
  CHECK_FALSE(parser.complete());
}

TEST_CASE("tool ktap: plans that are not kept are noticed") {
  KtapParser parser;
  read(parser,
       "KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: a\n  1..3\n  ok 1 x\n  ok 3 y\nok 1 a\n");
  REQUIRE(parser.problems().size() == 1);
  CHECK(parser.problems()[0].find("test point 3 where 2 was due") != std::string::npos);
  KtapParser short_one;
  read(short_one, "KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: a\n  1..3\n  ok 1 x\nok 1 a\n");
  REQUIRE(short_one.problems().size() == 1);
  CHECK(short_one.problems()[0].find("planned 3") != std::string::npos);
}

TEST_CASE("tool ktap: lines that only look like test points are log") {
  KtapParser parser;
  const auto results =
      read(parser, "KTAP version 1\n1..1\n  # Subtest: a\n  1..1\n  ok then\n  not ok\n  ok 1x\n"
                   "  ok 1 real\nok 1 a\n");
  REQUIRE(results.size() == 1);
  CHECK(results[0].name == "real");
  CHECK(results[0].log == "  ok then\n  not ok\n  ok 1x\n");
}

TEST_CASE("tool lines: escape sequences and carriage returns are taken out, pieces are joined") {
  LineSplitter lines;
  std::vector<std::string> seen;
  const auto take = [&](const std::string& line) { seen.push_back(line); };
  lines.feed("\x1b[2J\x1b[01;01HBds", take);
  lines.feed("Dxe\r\nrunnel: end pas", take);
  CHECK(seen == std::vector<std::string>{"BdsDxe"});
  lines.feed("sed\n\ttab \x01 rest", take);
  lines.finish(take);
  CHECK(seen == std::vector<std::string>{"BdsDxe", "runnel: end passed", "\ttab  rest"});
}

TEST_CASE("tool lines: a line without end is cut, not kept for ever") {
  LineSplitter lines;
  std::size_t longest = 0, count = 0;
  for (int i = 0; i < 100; ++i)
    lines.feed(std::string(4096, 'x'), [&](const std::string& line) {
      longest = std::max(longest, line.size());
      ++count;
    });
  CHECK(count >= 5);
  CHECK(longest <= 65536 + 4096);
}

TEST_CASE("tool protocol: the kernel's lines are read") {
  CHECK(std::get<BootLine>(parse_protocol_line("runnel: boot x86_64 pvh cpus=4")).text ==
        "x86_64 pvh cpus=4");
  CHECK(std::get<AliveLine>(parse_protocol_line("runnel: alive 17")).seconds == 17);
  const auto bulk = std::get<BulkLine>(parse_protocol_line("runnel: bulk trace.cpu3 0x1000000 0x100000"));
  CHECK(bulk.name == "trace.cpu3");
  CHECK(bulk.address == 0x1000000);
  CHECK(bulk.bytes == 0x100000);
  CHECK(std::get<PanicLine>(parse_protocol_line("runnel: panic page fault")).text == "page fault");
  CHECK(std::get<HangLine>(parse_protocol_line("runnel: hang cpu 1")).text == "cpu 1");
  CHECK(std::get<ErrorLine>(parse_protocol_line("runnel: error initrd: none")).text == "initrd: none");
  CHECK(std::get<EndLine>(parse_protocol_line("runnel: end bad-command-line")).end ==
        GuestEnd::kBadCommandLine);
  CHECK(std::get<WhileRunningLine>(parse_protocol_line("  while running demo.panic")).test == "demo.panic");
}

TEST_CASE("tool protocol: damaged lines are none") {
  for (const char* line : {"", "runnel:", "runnel: end", "runnel: end passe", "runnel: end passed ",
                           "runnel: alive", "runnel: alive 1x", "runnel: bulk a 1", "runnel: bulk a 0x 0x1",
                           "runnel: bulk a 1 2 3", "x runnel: end passed"})
    CHECK(std::holds_alternative<std::monostate>(parse_protocol_line(line)));
}

TEST_CASE("tool protocol: exit codes and names agree") {
  CHECK(end_of_exit_code(0x10) == GuestEnd::kPassed);
  CHECK(end_of_exit_code(0x13) == GuestEnd::kHang);
  CHECK_FALSE(end_of_exit_code(0).has_value());
  CHECK_FALSE(end_of_exit_code(1).has_value());
  for (u32 code = 0x10; code <= 0x16; ++code) {
    const auto end = end_of_exit_code(code);
    REQUIRE(end.has_value());
    const auto line = parse_protocol_line("runnel: end " + std::string(to_string(*end)));
    CHECK(std::get<EndLine>(line).end == *end);
  }
}
