// SPDX-License-Identifier: Apache-2.0
// What is done a page, a table or a block at a time does the same as what would be done a byte at a time.
#include "kernel/mm/address.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/test/test.hpp"

#include <algorithm>
#include <arch/pages.hpp>
#include <cstring>

namespace runnel {
namespace {

constexpr usize kWords = kPageSize / sizeof(u64);

/// Three pages in a row: the one in the middle is worked on.
class Pages {
 public:
  Pages() : pages_(alloc_pages(2)) {}
  ~Pages() {
    if (pages_) free_pages(*pages_, 2);
  }
  bool there() const { return pages_.has_value(); }
  u64* page(u32 i) { return mm::phys_ptr<u64>(*pages_) + i * kWords; }
  void fill(u64 seed) {
    for (u64 i = 0; i < 3 * kWords; ++i) page(0)[i] = (seed + i) * 0x9e3779b97f4a7c15;
  }
  bool has(u32 i, u64 seed) {
    for (u64 k = 0; k < kWords; ++k)
      if (page(i)[k] != (seed + i * kWords + k) * 0x9e3779b97f4a7c15) return false;
    return true;
  }

 private:
  Result<PhysAddr> pages_;
};

} // namespace

RUNNEL_TEST(arch_pages, one_page_is_cleared_and_copied_and_no_byte_beside_it)
{
  Pages a, b;
  REQUIRE(a.there());
  REQUIRE(b.there());
  a.fill(1);
  b.fill(2);
  arch::copy_page(b.page(1), a.page(1));
  CHECK(b.has(0, 2));
  CHECK(b.has(2, 2));
  CHECK(std::equal(a.page(1), a.page(2), b.page(1)));
  CHECK(a.has(1, 1));
  arch::clear_page(a.page(1));
  CHECK(std::all_of(a.page(1), a.page(2), [](u64 word) { return word == 0; }));
  CHECK(a.has(0, 1));
  CHECK(a.has(2, 1));
}

RUNNEL_TEST(arch_pages, the_next_used_entry_is_that_of_a_plain_search)
{
  Pages pages;
  REQUIRE(pages.there());
  u64* const table = pages.page(1);
  u64 random = 1;
  for (const u32 one_in : {1u, 2u, 7u, 40u, 300u, 100000u}) {
    for (u32 i = 0; i < kWords; ++i) {
      random = random * 6364136223846793005 + 1442695040888963407;
      table[i] = (random >> 33) % one_in == 0 ? random | 1 : 0;
    }
    for (u32 to = 0; to <= kWords; to += to < 20 || to > 490 ? 1 : 37) {
      u32 expected = to;
      for (u32 from = to; from-- > 0;) {
        if (table[from] != 0) expected = from;
        REQUIRE(arch::next_used_entry(table, from, to) == expected);
      }
    }
    CHECK(arch::next_used_entry(table, kWords, kWords) == kWords);
  }
}

RUNNEL_TEST(arch_pages, memory_functions_do_what_a_loop_over_bytes_does)
{
  constexpr usize kSize = 300;
  static constinit u8 memory[kSize], expected[kSize];
  const auto fill = [] {
    for (usize i = 0; i < kSize; ++i) memory[i] = expected[i] = static_cast<u8>(i * 7 + 3);
  };
  for (usize size = 0; size <= 140; size += size < 70 ? 1 : 9) {
    for (usize from = 0; from < 160; from += 13) {
      for (usize to = 1; to < 160; to += 11) {
        fill();
        u8 between[kSize];
        for (usize i = 0; i < size; ++i) between[i] = expected[from + i];
        for (usize i = 0; i < size; ++i) expected[to + i] = between[i];
        std::memmove(memory + to, memory + from, size);
        REQUIRE(std::equal(memory, memory + kSize, expected));
      }
    }
    fill();
    for (usize i = 0; i < size; ++i) expected[5 + i] = 0xa5;
    std::memset(memory + 5, 0xa5, size);
    CHECK(std::equal(memory, memory + kSize, expected));
    // The first byte that differs decides, wherever in a word it lies.
    if (size == 0) continue;
    fill();
    for (const usize at : {usize{0}, size / 2, size - 1}) {
      memory[3 + at] = static_cast<u8>(expected[3 + at] + 1) == 0 ? 1 : static_cast<u8>(expected[3 + at] + 1);
      const int sign = memory[3 + at] > expected[3 + at] ? 1 : -1;
      const int got = std::memcmp(memory + 3, expected + 3, size);
      CHECK((got > 0 ? 1 : got < 0 ? -1 : 0) == sign);
      memory[3 + at] = expected[3 + at];
    }
  }
}

} // namespace runnel
