// SPDX-License-Identifier: Apache-2.0
// kernel/cmdline: what is taken, and that everything else is named.
#include "kernel/cmdline/cmdline.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace runnel;
using cmdline::Error;
using cmdline::Verb;

namespace {

std::string why(std::string_view line) {
  char text[512];
  BufferSink sink{text};
  cmdline::Options options;
  CHECK_FALSE(cmdline::parse(line, options, sink));
  CHECK_FALSE(sink.truncated());
  return std::string(sink.view());
}

} // namespace

TEST_CASE("cmdline: nothing is the shell with defaults", "[cmdline]") {
  for (const char* line : {"", "   ", "\t\n"}) {
    const auto options = cmdline::parse(line);
    REQUIRE(options);
    CHECK(options->verb == Verb::kShell);
    CHECK(options->log_level == log::Level::kInfo);
    CHECK(options->limit == Duration{});
    CHECK_FALSE(options->linger);
    CHECK_FALSE(options->strace);
    CHECK_FALSE(options->trace);
  }
}

TEST_CASE("cmdline: all words", "[cmdline]") {
  const auto options =
      cmdline::parse("test=mm.*,sched seed=0x10 log=quiet  limit=30 patience=2 linger strace trace aslr=off");
  REQUIRE(options);
  CHECK_FALSE(options->aslr);
  CHECK(cmdline::parse("aslr=on")->aslr);
  CHECK(cmdline::parse("rseq=strict")->rseq_strict);
  CHECK(cmdline::parse("rseq=classic")->rseq_classic);
  CHECK_FALSE(cmdline::parse("rseq=lax rseq_slice=off")->rseq_slices);
  CHECK_FALSE(cmdline::parse("rseq=loose"));
  CHECK(options->verb == Verb::kTest);
  CHECK(options->test_globs() == "mm.*,sched");
  CHECK(options->seed == 16);
  CHECK(options->log_level == log::Level::kQuiet);
  CHECK(options->limit == 30_s);
  CHECK(options->patience == 2);
  CHECK(options->linger);
  CHECK(options->strace);
  CHECK(options->trace);
  CHECK(cmdline::parse("run")->verb == Verb::kRun);
  CHECK(cmdline::parse("shell")->verb == Verb::kShell);
  CHECK(cmdline::parse("log=debug")->log_level == log::Level::kDebug);
  CHECK(cmdline::parse("seed=18446744073709551615")->seed == ~u64{0});
  CHECK(cmdline::parse("test=a=b")->tests == "a=b");
}

TEST_CASE("cmdline: an unknown word is named with what is allowed", "[cmdline]") {
  const auto result = cmdline::parse("run lingr");
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == Error::Kind::kUnknownWord);
  CHECK(result.error().word == "lingr");
  CHECK(why("lingr").find("unknown word 'lingr'") != std::string::npos);
  CHECK(why("lingr").find("linger") != std::string::npos);
  CHECK(why("=x").find("'=x'") != std::string::npos);
}

TEST_CASE("cmdline: bad values name the word and the values", "[cmdline]") {
  for (const char* line : {"log=loud", "log=", "log", "limit=0", "limit=86401", "limit=-1", "limit=1s",
                           "seed=", "seed=18446744073709551616", "seed=0x", "seed=1f", "test=", "test",
                           "linger=1", "run=x", "patience=0", "patience=1001"}) {
    INFO(line);
    const auto result = cmdline::parse(line);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == Error::Kind::kBadValue);
    CHECK(why(line).find(line) != std::string::npos);
  }
  CHECK(why("log=loud").find("quiet, info, debug") != std::string::npos);
  CHECK(why("linger=1").find("no value") != std::string::npos);
}

TEST_CASE("cmdline: two verbs, one word twice", "[cmdline]") {
  CHECK(cmdline::parse("run shell").error().kind == Error::Kind::kTwoVerbs);
  CHECK(cmdline::parse("test=a run").error().kind == Error::Kind::kTwoVerbs);
  CHECK(cmdline::parse("seed=1 seed=2").error().kind == Error::Kind::kTwice);
  CHECK(cmdline::parse("test=a test=b").error().kind == Error::Kind::kTwice);
  CHECK(why("test=a test=b").find("'test=b'") != std::string::npos);
}
