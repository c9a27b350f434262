// SPDX-License-Identifier: Apache-2.0
// struct sched_attr of every size, in and out (spec 5.10; D27, D28).
#include <catch2/catch.hpp>
#include <cstring>
#include <sched/attr_copy.hpp>
#include <vector>

using namespace runnel;
using namespace runnel::sched;

namespace {

constexpr u8 kUntouched = 0xa5;

/// A caller's memory that ends after `readable` bytes.
struct Memory final : AttrMemory {
  std::vector<u8> bytes;
  u32 reachable;

  explicit Memory(u32 size, u8 fill = 0) : bytes(size, fill), reachable(size) {}
  bool read(u32 offset, std::span<u8> to) override {
    if (offset + to.size() > reachable) return false;
    std::memcpy(to.data(), bytes.data() + offset, to.size());
    return true;
  }
  bool write(u32 offset, std::span<const u8> from) override {
    if (offset + from.size() > reachable) return false;
    std::memcpy(bytes.data() + offset, from.data(), from.size());
    return true;
  }
  template <typename T> void put(u32 offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
  }
  u32 size_field() const {
    u32 size;
    std::memcpy(&size, bytes.data(), sizeof size);
    return size;
  }
};

/// A structure that says it has `size` bytes, in memory of a page and a byte.
Memory structure(u32 size) {
  Memory memory(kSchedAttrSizeMost + 1);
  memory.put<u32>(0, size);
  memory.put<u32>(4, 6);
  memory.put<u64>(8, kSchedFlagResetOnFork);
  memory.put<i32>(16, -5);
  memory.put<u32>(20, 7);
  memory.put<u64>(24, 1'000'000);
  memory.put<u64>(32, 2'000'000);
  memory.put<u64>(40, 3'000'000);
  memory.put<u32>(48, 11);
  memory.put<u32>(52, 12);
  return memory;
}

Errno error_of(Memory& memory) {
  const Result<SchedAttr> attr = copy_attr_in(memory);
  return attr ? Errno{} : attr.error();
}

} // namespace

TEST_CASE("sched_attr in: what is taken at each size", "[D27]") {
  for (const u32 size : {0u, 48u, 55u, 56u, 57u, 100u, 4095u, 4096u}) {
    INFO("size " << size);
    Memory memory = structure(size);
    const Result<SchedAttr> attr = copy_attr_in(memory);
    REQUIRE(attr.has_value());
    CHECK(attr->size == (size == 0 ? 48 : size));
    CHECK(attr->policy == 6);
    CHECK(attr->flags == kSchedFlagResetOnFork);
    CHECK(attr->nice == -5);
    CHECK(attr->priority == 7);
    CHECK(attr->runtime == 1'000'000);
    CHECK(attr->deadline == 2'000'000);
    CHECK(attr->period == 3'000'000);
    CHECK(attr->util_min == (size > 48 ? 11u : 0u)); // as many of its bytes as there are
    CHECK(attr->util_max == (size > 52 ? 12u : 0u));
    CHECK(memory.size_field() == size); // the caller's is left alone
  }
}

TEST_CASE("sched_attr in: too small, too large, or with something unknown: the known size is told", "[D27]") {
  for (const u32 size : {1u, 47u, 4097u, ~0u}) {
    INFO("size " << size);
    Memory memory = structure(size);
    CHECK(error_of(memory) == Errno::kE2BIG);
    CHECK(memory.size_field() == 56);
  }
  for (const u32 size : {57u, 100u, 4096u})
    for (const u32 at : {56u, size - 1}) {
      INFO("size " << size << ", byte " << at);
      Memory memory = structure(size);
      memory.bytes[at] = 1;
      CHECK(error_of(memory) == Errno::kE2BIG);
      CHECK(memory.size_field() == 56);
      memory = structure(size);
      memory.bytes[size] = 1; // not a part of it
      CHECK(error_of(memory) == Errno{});
    }
}

TEST_CASE("sched_attr in: rows 2 to 5, the earliest wins", "[D27][D29]") {
  for (u32 reachable = 0; reachable <= 60; ++reachable)
    for (const u32 size : {0u, 47u, 48u, 56u, 60u}) {
      INFO("size " << size << ", " << reachable << " bytes can be read");
      Memory memory = structure(size);
      memory.reachable = reachable;
      const u32 needed = size == 0 ? 48 : size;
      const Errno expected = reachable < 4        ? Errno::kFAULT
                             : size == 47         ? Errno::kE2BIG
                             : reachable < needed ? Errno::kFAULT
                                                  : Errno{};
      CHECK(error_of(memory) == expected);
    }
  for (const u64 flag : {kSchedFlagUtilClampMin, kSchedFlagUtilClampMax}) {
    Memory memory = structure(48);
    memory.put<u64>(8, flag);
    CHECK(error_of(memory) == Errno::kINVAL);
    memory.reachable = 47;
    CHECK(error_of(memory) == Errno::kFAULT);
    memory = structure(56);
    memory.put<u64>(8, flag);
    CHECK(error_of(memory) == Errno{}); // a later row's business
  }
  Memory memory = structure(48);
  memory.put<i32>(16, -100);
  CHECK(copy_attr_in(memory)->nice == kMinNice);
  memory.put<i32>(16, 100);
  CHECK(copy_attr_in(memory)->nice == kMaxNice);
}

TEST_CASE("sched_attr out: the size field, the tail, and nothing beyond", "[D28]") {
  SchedAttr attr;
  attr.policy = 6;
  attr.runtime = 0x1122334455667788;
  attr.period = 3;
  attr.util_max = 9;
  for (const u32 size : {48u, 49u, 55u, 56u, 57u, 64u, 200u, 4096u}) {
    INFO("size " << size);
    Memory memory(kSchedAttrSizeMost + 8, kUntouched);
    REQUIRE(copy_attr_out(memory, attr, size).has_value());
    SchedAttr expected = attr;
    expected.size = std::min(size, 56u);
    CHECK(memory.size_field() == expected.size);
    CHECK(std::memcmp(memory.bytes.data(), &expected, expected.size) == 0);
    for (u32 at = 56; at < size; ++at) REQUIRE(memory.bytes[at] == 0);
    for (u32 at = size; at < memory.bytes.size(); ++at) REQUIRE(memory.bytes[at] == kUntouched);
  }
  for (const u32 size : {0u, 47u, 4097u, ~0u}) {
    Memory memory(kSchedAttrSizeMost + 8, kUntouched);
    const Result<> refused = copy_attr_out(memory, attr, size);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error() == Errno::kINVAL);
    CHECK(memory.bytes[0] == kUntouched);
  }
  for (const u32 reachable : {0u, 47u, 63u}) {
    Memory memory(kSchedAttrSizeMost + 8, kUntouched);
    memory.reachable = reachable;
    CHECK(copy_attr_out(memory, attr, 64).error() == Errno::kFAULT);
  }
}
