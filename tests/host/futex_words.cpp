// SPDX-License-Identifier: Apache-2.0
// Keys, timeouts and the language of FUTEX_WAKE_OP (spec linux_abi 6).
#include "kernel/user/futex/key.hpp"
#include "kernel/user/futex/op.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace runnel;
using namespace runnel::user;

TEST_CASE("a futex is its owner, its place and how it is called") {
  using Kind = FutexKey::Kind;
  const FutexKey key{100, 4096, Kind::kPrivate};
  CHECK(key == FutexKey{100, 4096, Kind::kPrivate});
  CHECK(key != FutexKey{101, 4096, Kind::kPrivate});
  CHECK(key != FutexKey{100, 4100, Kind::kPrivate});
  CHECK(key != FutexKey{100, 4096, Kind::kPrivateMemory});
}

TEST_CASE("words that are often used together do not share a bucket") {
  // Neighbouring words, words a page apart, the same word of address spaces from one slab cache.
  std::set<u32> near, pages, spaces;
  for (u64 i = 0; i < 64; ++i) {
    near.insert(futex_bucket({0xffff888000120040, 0x7f0000001000 + 4 * i, {}}));
    pages.insert(futex_bucket({0xffff888000120040, 0x7f0000001000 + 4096 * i, {}}));
    spaces.insert(futex_bucket({0xffff888000120040 + 512 * i, 0x7f0000001000, {}}));
  }
  // 64 balls in 256 urns: some 57 are hit by chance.
  CHECK(near.size() > 48);
  CHECK(pages.size() > 48);
  CHECK(spaces.size() > 48);
}

namespace {
constexpr u32 encode(u32 op, u32 argument, u32 comparison, u32 with) {
  return op << 28 | comparison << 24 | (argument & 0xfff) << 12 | (with & 0xfff);
}
} // namespace

TEST_CASE("wake-op changes a word") {
  CHECK(FutexWakeOp::decode(encode(0, 5, 0, 0)).apply(9) == 5);
  CHECK(FutexWakeOp::decode(encode(1, 5, 0, 0)).apply(9) == 14);
  CHECK(FutexWakeOp::decode(encode(1, 0xfff, 0, 0)).apply(0) == ~u32{0}); // -1
  CHECK(FutexWakeOp::decode(encode(2, 6, 0, 0)).apply(9) == 15);
  CHECK(FutexWakeOp::decode(encode(3, 8, 0, 0)).apply(9) == 1);
  CHECK(FutexWakeOp::decode(encode(4, 3, 0, 0)).apply(9) == 10);
  CHECK_FALSE(FutexWakeOp::decode(encode(5, 3, 0, 0)).is_known_operation());
  // The argument as a shift count, which wraps.
  CHECK(FutexWakeOp::decode(encode(8 | 0, 31, 0, 0)).apply(9) == 0x80000000);
  CHECK(FutexWakeOp::decode(encode(8 | 0, 33, 0, 0)).apply(9) == 2);
}

TEST_CASE("wake-op compares with sign") {
  const auto holds = [](u32 comparison, u32 with, u32 value) {
    return *FutexWakeOp::decode(encode(0, 0, comparison, with)).compare(value);
  };
  const u32 minus_one = ~u32{0};
  CHECK(holds(0, 0xfff, minus_one));
  CHECK_FALSE(holds(0, 0xfff, 0xfff));
  CHECK(holds(1, 3, 4));
  CHECK_FALSE(holds(1, 3, 3));
  CHECK(holds(2, 0, minus_one));
  CHECK_FALSE(holds(2, 3, 3));
  CHECK(holds(3, 3, 3));
  CHECK_FALSE(holds(3, 3, 4));
  CHECK(holds(4, 0xfff, 0));
  CHECK_FALSE(holds(4, 3, 3));
  CHECK(holds(5, 3, 3));
  CHECK_FALSE(holds(5, 0, minus_one));
  CHECK(FutexWakeOp::decode(encode(0, 0, 6, 0)).compare(0).error() == Errno::kNOSYS);
}

TEST_CASE("only some commands take a timeout or a clock") {
  for (const u32 command : {0u, 6u, 9u, 11u, 13u}) CHECK(futex_takes_timeout(command));
  for (const u32 command : {1u, 3u, 4u, 5u, 7u, 8u, 10u, 12u}) CHECK_FALSE(futex_takes_timeout(command));
  for (const u32 command : {9u, 11u, 13u}) CHECK(futex_takes_clock(command));
  for (const u32 command : {0u, 1u, 6u, 12u}) CHECK_FALSE(futex_takes_clock(command));
}
