// SPDX-License-Identifier: Apache-2.0
// Memory maps as firmware should not write them: the kernel's view of them stays sorted, whole-paged and
// without overlaps, and no byte is usable that anybody called anything else.
#include "kernel/mm/memory_map.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <vector>

using namespace runnel;
using namespace runnel::mm;
using boot::MemoryKind;
using boot::MemoryRange;

namespace {

constexpr u64 kLimit = u64{1} << 46;

MemoryRange range(u64 base, u64 size, MemoryKind kind) {
  return {.base = base, .size = size, .kind = kind, .pad = 0};
}

std::unique_ptr<MemoryMap> build(const std::vector<MemoryRange>& ranges,
                                 const std::vector<MemoryRange>& claims = {}) {
  auto map = std::make_unique<MemoryMap>();
  map->build(ranges, claims, kLimit);
  return map;
}

bool well_formed(const MemoryMap& map) {
  u64 last_end = 0;
  SpanKind last_kind = SpanKind::kUsable;
  for (const MemorySpan& span : map.spans()) {
    if (span.base >= span.end || span.base % kPageSize != 0 || span.end % kPageSize != 0) return false;
    if (span.base < last_end) return false;
    if (span.base == last_end && span.kind == last_kind && last_end != 0) return false;
    if (span.end > kLimit) return false;
    last_end = span.end;
    last_kind = span.kind;
  }
  return true;
}

SpanKind kind_at(const MemoryMap& map, u64 address) {
  for (const MemorySpan& span : map.spans())
    if (span.base <= address && address < span.end) return span.kind;
  return SpanKind::kReserved;
}

} // namespace

TEST_CASE("a sane map comes through as it is", "[mm][memory_map]") {
  const auto map =
      build({range(0, 0x9f000, MemoryKind::kUsable), range(0xf0000, 0x10000, MemoryKind::kReserved),
             range(0x100000, 0xff00000, MemoryKind::kUsable)},
            {range(0x200000, 0x100000, MemoryKind::kKernel)});
  REQUIRE(well_formed(*map));
  REQUIRE(map->spans().size() == 5);
  CHECK(map->total(SpanKind::kUsable) == 0x9f000 + 0xff00000 - 0x100000);
  CHECK(map->total(SpanKind::kKernel) == 0x100000);
  CHECK(kind_at(*map, 0x200000) == SpanKind::kKernel);
  CHECK(kind_at(*map, 0x300000) == SpanKind::kUsable);
}

TEST_CASE("unsorted, empty and touching ranges", "[mm][memory_map]") {
  const auto map =
      build({range(0x300000, 0x100000, MemoryKind::kUsable), range(0x100000, 0x100000, MemoryKind::kUsable),
             range(0x250000, 0, MemoryKind::kReserved), range(0x200000, 0x100000, MemoryKind::kUsable)});
  REQUIRE(map->spans().size() == 1);
  CHECK(map->spans()[0].base == 0x100000);
  CHECK(map->spans()[0].end == 0x400000);
}

TEST_CASE("unaligned usable ranges shrink, all others grow", "[mm][memory_map]") {
  const auto map = build({range(0x1001, 0x4000, MemoryKind::kUsable), range(0x8fff, 2, MemoryKind::kAcpi),
                          range(0x20001, 0xffe, MemoryKind::kUsable)});
  REQUIRE(well_formed(*map));
  REQUIRE(map->spans().size() == 2);
  CHECK(map->spans()[0].base == 0x2000);
  CHECK(map->spans()[0].end == 0x5000);
  CHECK(map->spans()[1].base == 0x8000);
  CHECK(map->spans()[1].end == 0xa000);
}

TEST_CASE("where ranges overlap the more binding kind wins, in any order", "[mm][memory_map]") {
  std::vector<MemoryRange> ranges = {
      range(0x0000, 0x100000, MemoryKind::kUsable), range(0x10000, 0x20000, MemoryKind::kBootData),
      range(0x20000, 0x20000, MemoryKind::kAcpi),   range(0x28000, 0x1000, MemoryKind::kFirmware),
      range(0x30000, 0x1000, MemoryKind::kKernel),  range(0x50000, 0x1000, static_cast<MemoryKind>(77)),
  };
  std::mt19937_64 random(5);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(ranges.begin(), ranges.end(), random);
    const auto map = build(ranges);
    REQUIRE(well_formed(*map));
    CHECK(kind_at(*map, 0x0f000) == SpanKind::kUsable);
    CHECK(kind_at(*map, 0x20000) == SpanKind::kBootData);
    CHECK(kind_at(*map, 0x28000) == SpanKind::kReserved);
    CHECK(kind_at(*map, 0x30000) == SpanKind::kKernel);
    CHECK(kind_at(*map, 0x31000) == SpanKind::kAcpi);
    CHECK(kind_at(*map, 0x50000) == SpanKind::kReserved); // an unknown kind
    CHECK(kind_at(*map, 0x51000) == SpanKind::kUsable);
  }
}

TEST_CASE("ranges past the end of the address space are cut", "[mm][memory_map]") {
  const auto map =
      build({range(0x100000, ~u64{0}, MemoryKind::kUsable), range(~u64{0} - 5, 100, MemoryKind::kUsable),
             range(kLimit, kPageSize, MemoryKind::kUsable), range(~u64{0}, ~u64{0}, MemoryKind::kReserved)});
  REQUIRE(well_formed(*map));
  REQUIRE(map->spans().size() == 1);
  CHECK(map->spans()[0].end == kLimit);
}

TEST_CASE("an empty map gives nothing", "[mm][memory_map]") {
  const auto map = build({});
  CHECK(map->spans().empty());
  CHECK_FALSE(map->take(kPageSize, kPageSize, kLimit));
}

TEST_CASE("more ranges than there is room for cannot push out the claims", "[mm][memory_map]") {
  std::vector<MemoryRange> ranges;
  for (u64 i = 0; i < 1000; ++i) ranges.push_back(range(i * 0x10000, 0x8000, MemoryKind::kUsable));
  const auto map = build(ranges, {range(0x10000, 0x1000, MemoryKind::kKernel)});
  REQUIRE(well_formed(*map));
  CHECK(kind_at(*map, 0x10000) == SpanKind::kKernel);
  CHECK(map->spans().size() > boot::kMaxMemoryRanges);
}

TEST_CASE("random damaged maps against a page-by-page model", "[mm][memory_map]") {
  constexpr u64 kPages = 512;
  const u64 seed = GENERATE(range(0u, 40u));
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::vector<MemoryRange> ranges;
  std::vector<int> model(kPages, -1); // most binding kind, -1 none
  for (u64 n = random() % 100; n-- > 0;) {
    const u64 base = random() % (kPages * kPageSize);
    const u64 size = random() % 3 == 0 ? 0 : random() % (64 * kPageSize);
    const auto kind = static_cast<MemoryKind>(1 + random() % 6);
    ranges.push_back(range(base, size, kind));
    constexpr SpanKind kKinds[] = {SpanKind::kUsable,   SpanKind::kReserved, SpanKind::kAcpi,
                                   SpanKind::kReserved, SpanKind::kBootData, SpanKind::kKernel};
    const SpanKind span_kind = kKinds[static_cast<u32>(kind) - 1];
    for (u64 page = 0; page < kPages && size > 0; ++page) {
      const u64 from = page * kPageSize;
      const bool inside = base <= from && from + kPageSize <= base + size;
      const bool touched = base < from + kPageSize && from < base + size;
      if (span_kind == SpanKind::kUsable ? inside : touched)
        model[page] = std::max(model[page], static_cast<int>(span_kind));
    }
  }
  const auto map = build(ranges);
  REQUIRE(well_formed(*map));
  for (u64 page = 0; page < kPages; ++page) {
    int kind = -1;
    for (const MemorySpan& span : map->spans())
      if (span.base <= page * kPageSize && page * kPageSize < span.end) kind = static_cast<int>(span.kind);
    CAPTURE(page);
    REQUIRE(kind == model[page]);
  }
}

TEST_CASE("take gives distinct pages from the top down and never what is not usable", "[mm][memory_map]") {
  const auto map =
      build({range(0x1000, 0x9e000, MemoryKind::kUsable), range(0x100000, 0x400000, MemoryKind::kUsable),
             range(0x4ff000, 0x1000, MemoryKind::kAcpi), range(0x800000, 0x100000, MemoryKind::kReserved)});
  const u64 usable = map->total(SpanKind::kUsable);
  CHECK(map->take(kPageSize, kPageSize, u64{1} << 20)->value == 0x9e000);
  CHECK(map->take(kPageSize, kPageSize, kLimit)->value == 0x4fe000);
  CHECK(map->take(kPageSize, kPageSize, kLimit)->value == 0x4fd000);
  const auto large = map->take(0x100000, 0x100000, kLimit);
  REQUIRE(large);
  CHECK(large->value == 0x300000); // aligned: what lies above stays usable
  CHECK(map->take(kPageSize, kPageSize, kLimit)->value == 0x4fc000);
  CHECK_FALSE(map->take(0x10000000, kPageSize, kLimit));
  CHECK_FALSE(map->take(kPageSize, kPageSize, 0x1fff));
  REQUIRE(well_formed(*map));
  CHECK(map->total(SpanKind::kTaken) == 4 * kPageSize + 0x100000);
  CHECK(map->total(SpanKind::kUsable) + map->total(SpanKind::kTaken) == usable);

  u64 pages = 0;
  while (const auto page = map->take(kPageSize, kPageSize, kLimit)) {
    REQUIRE(kind_at(*map, page->value) == SpanKind::kTaken);
    ++pages;
  }
  CHECK(pages * kPageSize + 4 * kPageSize + 0x100000 == usable);
  CHECK(map->total(SpanKind::kUsable) == 0);
  CHECK(map->total(SpanKind::kTaken) == usable);
  CHECK(well_formed(*map));
}
