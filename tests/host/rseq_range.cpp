// SPDX-License-Identifier: Apache-2.0
// The ends of critical sections, near 0, near the end of user space, and where sums wrap.
#include "kernel/user/rseq/range.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace runnel;
using namespace runnel::user::rseq;

namespace {

constexpr u64 kEnd = (u64{1} << 47) - 4096, kTop = ~u64{0};
using Wide = unsigned __int128;

/// Without a sum that could wrap.
bool oracle(const Section& s, u64 pc) { return pc >= s.start && Wide{pc} < Wide{s.start} + s.size; }

} // namespace

TEST_CASE("rseq: the first and the last instruction of a section", "[rseq.C03][rseq.C04][rseq.C17]") {
  const Section s{.start = 0x401000, .size = 0x20};
  CHECK(!is_within(s, 0x400fff));
  CHECK(is_within(s, 0x401000));
  CHECK(is_within(s, 0x40101f));
  CHECK(!is_within(s, 0x401020));
  CHECK(!is_within({.start = 0x401000, .size = 0}, 0x401000));
}

TEST_CASE("rseq: sections near 0, near the end and that wrap", "[rseq.C17]") {
  CHECK(is_within({.start = 0, .size = 1}, 0));
  CHECK(!is_within({.start = 0, .size = 1}, 1));
  CHECK(is_within({.start = 1, .size = kEnd}, kEnd));
  CHECK(!is_within({.start = 1, .size = kEnd}, 0));
  CHECK(is_within({.start = kEnd - 4, .size = 4}, kEnd - 1));
  CHECK(!is_within({.start = kEnd - 4, .size = 4}, kEnd));
  // Behind the start a sum may wrap: only what is left of user space counts. A pc before the start is within
  // only when the size says so as an unsigned number, which a strict kernel refuses.
  CHECK(is_within({.start = 0x1000, .size = kTop}, 0x401000));
  CHECK(!is_within({.start = kTop - 10, .size = 5}, 0x401000));
}

TEST_CASE("rseq: the strict look refuses what leaves user space", "[rseq.C17][rseq.C18]") {
  constexpr u64 kPc = 0x401000;
  CHECK(strict_range({.start = kEnd, .size = 1}, kPc, kEnd) == StrictRange::kStartsBeyond);
  CHECK(strict_range({.start = kTop, .size = kTop}, kPc, kEnd) == StrictRange::kStartsBeyond);
  CHECK(strict_range({.start = kEnd - 1, .size = 1}, kEnd - 1, kEnd) == StrictRange::kEndsBeyond);
  CHECK(strict_range({.start = kEnd - 2, .size = 1}, kEnd - 2, kEnd) == StrictRange::kInside);
  CHECK(strict_range({.start = kPc, .size = kEnd}, kPc, kEnd) == StrictRange::kEndsBeyond);
  CHECK(strict_range({.start = kPc, .size = kTop}, kPc, kEnd) == StrictRange::kEndsBeyond);           // wraps
  CHECK(strict_range({.start = kPc, .size = kTop - kPc + 1}, kPc, kEnd) == StrictRange::kEndsBeyond); // to 0
  CHECK(strict_range({.start = kPc + 1, .size = kTop}, kPc, kEnd) == StrictRange::kOutside); // not looked at
  CHECK(strict_range({.start = kPc, .size = 0}, kPc, kEnd) == StrictRange::kOutside);
}

TEST_CASE("rseq: sections at random against wide arithmetic", "[rseq.C17]") {
  std::mt19937_64 random(1);
  const u64 corners[] = {0, 1, 4, 4095, 4096, kEnd - 1, kEnd, kEnd + 1, kTop - 1, kTop, u64{1} << 63};
  const auto pick = [&] {
    const u64 at = corners[random() % std::size(corners)];
    return random() % 3 == 0 ? random() : at + random() % 9 - 4;
  };
  u32 inside = 0;
  for (u32 i = 0; i < 200'000; ++i) {
    const Section s{.start = pick(), .size = pick()};
    const u64 pc = pick() % kEnd;
    const bool wraps = Wide{s.start} + s.size > kTop;
    if (!wraps) CHECK(is_within(s, pc) == oracle(s, pc));
    const StrictRange strict = strict_range(s, pc, kEnd);
    const bool in_user_space = Wide{s.start} + s.size < kEnd;
    CHECK((strict == StrictRange::kInside) == (oracle(s, pc) && in_user_space));
    inside += strict == StrictRange::kInside;
  }
  CHECK(inside > 1000);
}

TEST_CASE("rseq: where an abort handler may be", "[rseq.C07][rseq.C17]") {
  for (const u64 abort : {u64{0}, u64{3}, kEnd, kTop}) CHECK(!is_in_user_space(abort, kEnd));
  for (const u64 abort : {u64{4}, u64{0x401000}, kEnd - 1}) CHECK(is_in_user_space(abort, kEnd));
}
