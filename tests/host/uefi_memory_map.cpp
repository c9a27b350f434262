// SPDX-License-Identifier: Apache-2.0
// The memory map the UEFI loader hands over, and the command line it accepts.
#include "boot/uefi/pure/command_line.hpp"
#include "boot/uefi/pure/memory_map.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using runnel::boot::MemoryKind;
using runnel::boot::MemoryRange;
using runnel::uefi::MemoryMap;

std::vector<MemoryRange> ranges_of(MemoryMap& map, std::uint32_t capacity = 128) {
  std::vector<MemoryRange> out(capacity);
  out.resize(map.write(out.data(), capacity));
  return out;
}

bool is(const MemoryRange& range, std::uint64_t base, std::uint64_t end, MemoryKind kind) {
  return range.base == base && range.base + range.size == end && range.kind == kind;
}

} // namespace

TEST_CASE("uefi memory map: sorted and merged", "[uefi]") {
  auto map = std::make_unique<MemoryMap>();
  map->add(0x5000, 0x1000, MemoryKind::kUsable);
  map->add(0x1000, 0x1000, MemoryKind::kUsable);
  map->add(0x2000, 0x1000, MemoryKind::kUsable);
  map->add(0x4000, 0x1000, MemoryKind::kAcpi);
  map->add(0x6000, 0, MemoryKind::kReserved);
  const auto ranges = ranges_of(*map);
  REQUIRE(ranges.size() == 3);
  CHECK(is(ranges[0], 0x1000, 0x3000, MemoryKind::kUsable));
  CHECK(is(ranges[1], 0x4000, 0x5000, MemoryKind::kAcpi));
  CHECK(is(ranges[2], 0x5000, 0x6000, MemoryKind::kUsable));
}

TEST_CASE("uefi memory map: painting splits a range and wins", "[uefi]") {
  auto map = std::make_unique<MemoryMap>();
  map->paint(0x4000, 0x2000, MemoryKind::kKernel); // before its surroundings are known
  map->add(0x1000, 0x9000, MemoryKind::kUsable);
  map->add(0xa000, 0x1000, MemoryKind::kReserved);
  map->paint(0xa000, 0x1000, MemoryKind::kBootData); // even over what is reserved
  const auto ranges = ranges_of(*map);
  REQUIRE(ranges.size() == 4);
  CHECK(is(ranges[0], 0x1000, 0x4000, MemoryKind::kUsable));
  CHECK(is(ranges[1], 0x4000, 0x6000, MemoryKind::kKernel));
  CHECK(is(ranges[2], 0x6000, 0xa000, MemoryKind::kUsable));
  CHECK(is(ranges[3], 0xa000, 0xb000, MemoryKind::kBootData));
}

TEST_CASE("uefi memory map: the more careful of two overlapping ranges wins", "[uefi]") {
  auto map = std::make_unique<MemoryMap>();
  map->add(0x1000, 0x4000, MemoryKind::kUsable);
  map->add(0x2000, 0x4000, MemoryKind::kFirmware);
  map->add(0x3000, 0x1000, MemoryKind::kAcpi);
  const auto ranges = ranges_of(*map);
  REQUIRE(ranges.size() == 2);
  CHECK(is(ranges[0], 0x1000, 0x2000, MemoryKind::kUsable));
  CHECK(is(ranges[1], 0x2000, 0x6000, MemoryKind::kFirmware));
}

TEST_CASE("uefi memory map: what does not fit is told", "[uefi]") {
  auto map = std::make_unique<MemoryMap>();
  CHECK_FALSE(map->add(~std::uint64_t{0} - 0xfff, 0x2000, MemoryKind::kUsable));
  for (std::uint64_t i = 0; i < MemoryMap::kCapacity; ++i)
    REQUIRE(map->add(i * 0x2000, 0x1000, MemoryKind::kUsable));
  CHECK_FALSE(map->add(0x1000, 0x1000, MemoryKind::kUsable));
  CHECK(ranges_of(*map, 128).empty());
  CHECK(ranges_of(*map, MemoryMap::kCapacity).size() == MemoryMap::kCapacity);
  map->clear();
  CHECK(map->add(0, 0x1000, MemoryKind::kUsable));
  CHECK(ranges_of(*map).size() == 1);
}

TEST_CASE("uefi memory map: random maps equal a page-by-page model", "[uefi]") {
  constexpr MemoryKind kKinds[] = {MemoryKind::kUsable, MemoryKind::kAcpi, MemoryKind::kReserved,
                                   MemoryKind::kFirmware};
  constexpr int kPages = 64;
  std::mt19937 random(1); // NOLINT: repeatable on purpose
  auto map = std::make_unique<MemoryMap>();
  for (int round = 0; round < 300; ++round) {
    map->clear();
    int model[kPages] = {}; // rank + 1; 0: hole. Kinds above are in order of rank.
    for (int i = 0; i < 12; ++i) {
      const unsigned base = random() % kPages, pages = random() % (kPages - base), kind = random() % 4;
      REQUIRE(map->add(base, pages, kKinds[kind]));
      for (unsigned p = base; p < base + pages; ++p)
        model[p] = std::max(model[p], static_cast<int>(kind) + 1);
    }
    int seen[kPages] = {};
    std::uint64_t last_end = 0;
    MemoryKind last_kind{};
    for (const MemoryRange& range : ranges_of(*map)) {
      REQUIRE(range.size != 0);
      REQUIRE(range.base >= last_end);
      REQUIRE((range.base > last_end || range.kind != last_kind));
      last_end = range.base + range.size;
      last_kind = range.kind;
      for (std::uint64_t p = range.base; p < last_end; ++p)
        for (int k = 0; k < 4; ++k)
          if (kKinds[k] == range.kind) seen[p] = k + 1;
    }
    for (int p = 0; p < kPages; ++p) REQUIRE(seen[p] == model[p]);
  }
}

TEST_CASE("uefi memory map: only types that are free after boot services are usable", "[uefi]") {
  using runnel::uefi::kind_of_efi_type;
  for (const std::uint32_t type : {1u, 2u, 3u, 4u, 7u}) CHECK(kind_of_efi_type(type) == MemoryKind::kUsable);
  for (const std::uint32_t type : {5u, 6u, 10u}) CHECK(kind_of_efi_type(type) == MemoryKind::kFirmware);
  CHECK(kind_of_efi_type(9) == MemoryKind::kAcpi);
  for (const std::uint32_t type : {0u, 8u, 11u, 12u, 13u, 14u, 15u, 0x80000000u})
    CHECK(kind_of_efi_type(type) == MemoryKind::kReserved);
}

TEST_CASE("uefi command line: one line of printable ASCII", "[uefi]") {
  char out[16];
  const auto take = [&out](const std::string& text) -> std::string {
    const char* error = runnel::uefi::take_command_line(text.data(), text.size(), out, sizeof out);
    return error == nullptr ? "ok:" + std::string(out) : error;
  };
  CHECK(take("") == "ok:");
  CHECK(take("run seed=1\n") == "ok:run seed=1");
  CHECK(take("run \r\n\n") == "ok:run");
  CHECK(take("123456789012345\n") == "ok:123456789012345");
  CHECK(take("1234567890123456") == "longer than 2047 characters");
  CHECK(take("a\nb") == "not one line of printable ASCII");
  CHECK(take("a\tb") == "not one line of printable ASCII");
  CHECK(take("caf\xc3\xa9") == "not one line of printable ASCII");
  CHECK(take(std::string("a\0b", 3)) == "not one line of printable ASCII");
  CHECK(take("a\x7f") == "not one line of printable ASCII");
}
