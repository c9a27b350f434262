// SPDX-License-Identifier: Apache-2.0
// The checks themselves: that they hold and fail when they should, and what they print.
#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/errno.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/test/leak.hpp"
#include "kernel/test/test.hpp"

#include <arch/cpu.hpp>
#include <atomic>

namespace runnel {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

} // namespace

RUNNEL_TEST(selftest, check_passes)
{
  u32 failures = 0;
  {
    const test::Capture capture;
    const u64 four = 4;
    int* null = nullptr;
    CHECK(four == 4);
    CHECK(four != 5);
    CHECK(four < 5);
    CHECK(four <= 4);
    CHECK(four > -1); // by value: -1 is not a large unsigned number
    CHECK(null == nullptr);
    CHECK(!null);
    CHECK((four & 4) != 0);
    CHECK(Result<u32>{3});
    CHECK(std::string_view("a") == "a");
    failures = capture.failures();
  }
  CHECK(failures == 0);
}

RUNNEL_TEST(selftest, check_fails_and_prints_both_sides)
{
  char copy[2048];
  BufferSink text{copy};
  u32 failures = 0;
  {
    const test::Capture capture;
    const int three = 3;
    CHECK(three == 4);
    CHECK(std::string_view("left") == "right");
    CHECK(PhysAddr{0x1000} == PhysAddr{0x2000});
    CHECK(Result<u32>{err(Errno::kNOMEM)});
    CHECK(u64{0x12345} < u64{2});
    failures = capture.failures();
    text.write(capture.text());
  }
  CHECK(failures == 5);
  CHECK(contains(text.view(), "CHECK(three == 4) at tests/target/selftest_check.cpp:"));
  CHECK(contains(text.view(), "with 3 == 4\n"));
  CHECK(contains(text.view(), "with \"left\" == \"right\"\n"));
  CHECK(contains(text.view(), "with 0x1000 == 0x2000\n"));
  CHECK(contains(text.view(), "with error 12\n"));
  CHECK(contains(text.view(), "with 74565 (0x12345) < 2\n"));
}

RUNNEL_TEST(selftest, require_returns)
{
  bool went_on = false;
  u32 failures = 0;
  {
    const test::Capture capture;
    [&] {
      REQUIRE(1 == 2);
      went_on = true;
    }();
    failures = capture.failures();
  }
  CHECK(failures == 1);
  CHECK(!went_on);
}

RUNNEL_TEST(selftest, condition_evaluated_once)
{
  u32 evaluated = 0;
  CHECK(++evaluated == 1);
  CHECK(evaluated == 1);
}

RUNNEL_TEST(selftest, leak_is_found_and_forgotten)
{
  test::LeakCheck check;
  check.rebase();
  char text[512];
  BufferSink clean{text};
  CHECK(check.is_clean(clean, ""));
  void* kept = kmalloc(100);
  REQUIRE(kept != nullptr);
  BufferSink leaking{text};
  CHECK(!check.is_clean(leaking, ""));
  CHECK(!leaking.view().empty());
  BufferSink rebased{text};
  CHECK(check.is_clean(rebased, "")); // it was reported once
  kfree(kept);
}

RUNNEL_TEST(selftest, skip)
{
  test::skip("to show what a skipped test looks like");
}

RUNNEL_TEST(selftest, needs_more_cpus_than_there_are, .cpus = 1000)
{
  CHECK(false);
}

} // namespace runnel
