// SPDX-License-Identifier: Apache-2.0
// The initrd: what the host writes the kernel reads, and damage is named with its offset.
#include "kernel/fs/cpio.hpp"
#include "qemu/scenario/initrd.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>

using namespace runnel;
using scenario::make_initrd;

namespace {

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string content(const fs::CpioFile& file) {
  return {reinterpret_cast<const char*>(file.content.data()), file.content.size()};
}
std::string error_of(const std::string& archive, std::string_view name = "b") {
  const auto file = fs::cpio_find(bytes(archive), name);
  return file ? "" : std::to_string(file.error().offset) + ": " + std::string(file.error().what);
}

} // namespace

TEST_CASE("cpio: round trip", "[cpio]") {
  const std::string archive = make_initrd({{"a", ""}, {"dir/b", "hello"}, {"c", std::string(1000, '\xff')}});
  CHECK(archive.size() % 512 == 0);
  CHECK(archive == make_initrd({{"a", ""}, {"dir/b", "hello"}, {"c", std::string(1000, '\xff')}}));
  CHECK(content(fs::cpio_find(bytes(archive), "dir/b").value()) == "hello");
  CHECK(content(fs::cpio_find(bytes(archive), "/c").value()) == std::string(1000, '\xff'));
  CHECK(fs::cpio_find(bytes(archive), "a")->content.empty());
  CHECK(error_of(archive, "d") == std::to_string(archive.size()) + ": no such file in it");
}

TEST_CASE("cpio: the reader walks in order and stops at the trailer", "[cpio]") {
  const std::string archive = make_initrd({{"x", "1"}, {"y", "22"}}) + "garbage after the end";
  fs::CpioReader reader(bytes(archive));
  std::string seen;
  for (;;) {
    const auto step = reader.next();
    REQUIRE(step);
    if (step->end) break;
    seen += std::string(step->file.name) + "=" + content(step->file) + " ";
  }
  CHECK(seen == "x=1 y=22 ");
}

TEST_CASE("cpio: damage is named", "[cpio]") {
  const std::string good = make_initrd({{"a", "12345"}, {"b", "6"}});
  CHECK(error_of("") == "0: the archive is cut off, no trailer");
  CHECK(error_of(std::string(512, '\0')) == "0: no member header (magic 070701)");
  CHECK(error_of(make_initrd({})) == "512: the archive is empty");
  CHECK(error_of(good.substr(0, 114)) == "112: a member's content is cut off");
  CHECK(error_of(good.substr(0, 200)) == "120: the archive is cut off, no trailer");
  std::string bad = good;
  bad[54] = 'x';
  CHECK(error_of(bad) == "54: a header field is not hexadecimal");
  bad = good;
  bad.replace(54, 8, "ffffffff");
  CHECK(error_of(bad) == "112: a member's content is cut off");
  bad = good;
  bad.replace(94, 8, "ffffffff");
  CHECK(error_of(bad) == "110: a member's name is cut off");
  bad = good;
  bad.replace(94, 8, "00000000");
  CHECK(error_of(bad) == "110: a member's name is cut off");
  bad = good;
  bad[111] = 'z';
  CHECK(error_of(bad) == "110: a member's name has no end where it should");
}

TEST_CASE("cpio: every cut before the trailer is an error or finds the file whole", "[cpio]") {
  const std::string good = make_initrd({{"a", "12345"}, {"b", "6"}});
  for (usize n = 0; n < good.size(); ++n) {
    const std::string cut = good.substr(0, n);
    const auto file = fs::cpio_find(bytes(cut), "b");
    if (file) CHECK(content(*file) == "6");
  }
}

TEST_CASE("cpio: names that no archive can hold are refused", "[cpio]") {
  CHECK_THROWS_AS(make_initrd({{"", "x"}}), std::invalid_argument);
  CHECK_THROWS_AS(make_initrd({{std::string("a\0b", 3), "x"}}), std::invalid_argument);
}
