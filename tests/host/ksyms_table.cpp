// SPDX-License-Identifier: Apache-2.0
// kernel/debug/ksyms: good tables and damaged ones. Address sanitizer watches the reads.
#include "kernel/debug/ksyms.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

using runnel::u32;
using runnel::u64;
using runnel::debug::SymbolTable;

namespace {

struct Named {
  u64 address;
  std::string name;
};

std::vector<std::byte> make_table(const std::vector<Named>& symbols) {
  std::vector<std::byte> table;
  const auto append = [&](const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(data);
    table.insert(table.end(), bytes, bytes + size);
  };
  const u64 count = symbols.size();
  append(&count, sizeof count);
  for (const Named& s : symbols) append(&s.address, sizeof s.address);
  u32 offset = 0;
  for (const Named& s : symbols) {
    append(&offset, sizeof offset);
    offset += static_cast<u32>(s.name.size() + 1);
  }
  for (const Named& s : symbols) append(s.name.c_str(), s.name.size() + 1);
  return table;
}

const std::vector<Named> kSymbols{{0x1000, "first"}, {0x1010, "second(int)"}, {0x2000, "third"}};

} // namespace

TEST_CASE("ksyms: the last symbol at or before the address", "[ksyms]") {
  const auto bytes = make_table(kSymbols);
  const SymbolTable table{bytes};
  CHECK(table.size() == 3);
  CHECK_FALSE(table.find(0xfff));
  CHECK(table.find(0x1000)->name == "first");
  CHECK(table.find(0x1000)->offset == 0);
  CHECK(table.find(0x100f)->offset == 0xf);
  CHECK(table.find(0x1010)->name == "second(int)");
  CHECK(table.find(0x1fff)->name == "second(int)");
  CHECK(table.find(~u64{0})->name == "third");
}

TEST_CASE("ksyms: empty tables", "[ksyms]") {
  CHECK_FALSE(SymbolTable{}.find(1));
  CHECK_FALSE(SymbolTable{std::vector<std::byte>(8)}.find(1));
  CHECK_FALSE(SymbolTable{std::vector<std::byte>(4)}.find(1));
}

TEST_CASE("ksyms: a table cut anywhere is never read beyond its end", "[ksyms]") {
  const auto whole = make_table(kSymbols);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of its own size on the heap, so that the sanitizer sees one byte too many.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const SymbolTable table{cut};
    for (const u64 address : {u64{0x1000}, u64{0x1011}, u64{0x2000}}) {
      if (const auto symbol = table.find(address)) CHECK(symbol->name.size() <= 11);
    }
  }
}

TEST_CASE("ksyms: any byte of a table may be wrong", "[ksyms]") {
  const auto whole = make_table(kSymbols);
  std::size_t answers = 0;
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const unsigned wrong : {0x00u, 0x01u, 0x80u, 0xffu}) {
      auto bad = whole;
      bad[at] = static_cast<std::byte>(wrong);
      const SymbolTable table{bad};
      for (const u64 address : {u64{0}, u64{0x1000}, u64{0x1fff}, ~u64{0}})
        if (const auto symbol = table.find(address)) answers += symbol->name.size() <= bad.size();
    }
  CHECK(answers > 0);
}
