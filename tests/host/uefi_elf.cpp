// SPDX-License-Identifier: Apache-2.0
// What the UEFI loader accepts as a kernel: a good ELF, then the same with one thing wrong at a time.
#include "boot/uefi/pure/elf.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace runnel::uefi;

constexpr std::uint64_t kBase = 0x40200000;
constexpr std::size_t kProgramHeaders = 64;
constexpr std::size_t kProgramHeaderBytes = 56;
constexpr std::uint32_t kRead = 4, kWrite = 2, kExecute = 1;

/// An ELF in bytes, and how to change a field of it.
class Image {
 public:
  Image() {
    bytes_.resize(0x6000);
    const unsigned char ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    std::memcpy(bytes_.data(), ident, sizeof ident);
    put<std::uint16_t>(16, 2);   // ET_EXEC
    put<std::uint16_t>(18, 183); // AArch64
    put<std::uint32_t>(20, 1);
    put<std::uint64_t>(24, kBase + 0x40); // entry
    put<std::uint64_t>(32, kProgramHeaders);
    put<std::uint16_t>(54, kProgramHeaderBytes);
    put<std::uint16_t>(56, 4);
    segment(0, 0x1000, kBase, 0x1800, 0x1800, kRead | kExecute);
    segment(1, 0x3000, kBase + 0x2000, 0x1000, 0x1000, kRead);
    segment(2, 0x4000, kBase + 0x3000, 0x1000, 0x5000, kRead | kWrite);
    segment(3, 0x5000, kBase + 0x8000, 0x0800, 0x0800, kRead);
  }

  template <typename T> void put(std::size_t offset, T value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
  }
  void segment(unsigned i, std::uint64_t offset, std::uint64_t address, std::uint64_t file,
               std::uint64_t memory, std::uint32_t flags) {
    const std::size_t at = kProgramHeaders + i * kProgramHeaderBytes;
    put<std::uint32_t>(at, 1);
    put<std::uint32_t>(at + 4, flags);
    put<std::uint64_t>(at + 8, offset);
    put<std::uint64_t>(at + 16, address);
    put<std::uint64_t>(at + 24, address);
    put<std::uint64_t>(at + 32, file);
    put<std::uint64_t>(at + 40, memory);
    put<std::uint64_t>(at + 48, 0x1000);
  }
  void truncate(std::size_t bytes) { bytes_.resize(bytes); }

  /// What plan_elf says of it, "" when it accepts.
  std::string verdict(Machine machine = Machine::kAarch64) {
    const std::size_t head = bytes_.size() < kElfHeadBytes ? bytes_.size() : kElfHeadBytes;
    const char* error = plan_elf(bytes_.data(), head, bytes_.size(), machine, plan);
    return error == nullptr ? "" : error;
  }

  ElfPlan plan;

 private:
  std::vector<std::uint8_t> bytes_;
};

} // namespace

TEST_CASE("uefi elf: a good kernel is planned by its segments", "[uefi]") {
  Image image;
  REQUIRE(image.verdict() == "");
  CHECK(image.plan.link_base == kBase);
  CHECK(image.plan.image_bytes == 0x9000);
  CHECK(image.plan.entry_offset == 0x40);
  REQUIRE(image.plan.segment_count == 4);
  CHECK(image.plan.segments[0].executable);
  CHECK_FALSE(image.plan.segments[0].writable);
  CHECK(image.plan.segments[2].writable);
  CHECK_FALSE(image.plan.segments[2].executable);
  CHECK(image.plan.segments[2].image_offset == 0x3000);
  CHECK(image.plan.segments[2].file_offset == 0x4000);
  CHECK(image.plan.segments[2].file_bytes == 0x1000);
  CHECK(image.plan.segments[2].memory_bytes == 0x5000);
}

TEST_CASE("uefi elf: segments may come in any order", "[uefi]") {
  Image image;
  image.segment(0, 0x3000, kBase + 0x2000, 0x1000, 0x1000, kRead);
  image.segment(1, 0x1000, kBase, 0x1800, 0x1800, kRead | kExecute);
  REQUIRE(image.verdict() == "");
  CHECK(image.plan.link_base == kBase);
  CHECK(image.plan.segments[0].image_offset == 0x2000);
  CHECK(image.plan.entry_offset == 0x40);
}

TEST_CASE("uefi elf: a damaged file header is refused", "[uefi]") {
  Image image;
  SECTION("magic") {
    image.put<std::uint8_t>(0, 0x7e);
    CHECK(image.verdict() == "not an ELF file");
  }
  SECTION("32-bit") {
    image.put<std::uint8_t>(4, 1);
    CHECK(image.verdict() == "not a 64-bit ELF file");
  }
  SECTION("big-endian") {
    image.put<std::uint8_t>(5, 2);
    CHECK(image.verdict() == "not a little-endian ELF file");
  }
  SECTION("version") {
    image.put<std::uint32_t>(20, 2);
    CHECK(image.verdict() == "unknown ELF version");
  }
  SECTION("shared object") {
    image.put<std::uint16_t>(16, 3);
    CHECK(image.verdict() == "ELF type is not executable (ET_EXEC)");
  }
  SECTION("other architecture") {
    CHECK(image.verdict(Machine::kX86_64) == "built for another architecture");
  }
  SECTION("program header size") {
    image.put<std::uint16_t>(54, 32);
    CHECK(image.verdict() == "program headers of an unknown size");
  }
  SECTION("no program headers") {
    image.put<std::uint16_t>(56, 0);
    CHECK(image.verdict() == "no program headers");
  }
  SECTION("program headers elsewhere") {
    image.put<std::uint64_t>(32, 0x2000);
    CHECK(image.verdict().starts_with("program headers beyond"));
  }
  SECTION("program header offset that wraps") {
    image.put<std::uint64_t>(32, ~std::uint64_t{0} - 8);
    CHECK(image.verdict().starts_with("program headers beyond"));
  }
}

TEST_CASE("uefi elf: a truncated file is refused at every length", "[uefi]") {
  // Every byte up to the end of the last segment is needed.
  for (std::size_t bytes = 0; bytes < 0x5800; bytes += bytes < 0x200 ? 1 : 0x1ff) {
    Image image;
    image.truncate(bytes);
    INFO("length " << bytes);
    CHECK(image.verdict().find("(truncated?)") != std::string::npos);
  }
  Image image;
  image.truncate(0x5800);
  CHECK(image.verdict() == "");
}

TEST_CASE("uefi elf: a damaged segment is refused", "[uefi]") {
  Image image;
  SECTION("writable and executable") {
    image.segment(2, 0x4000, kBase + 0x3000, 0x1000, 0x5000, kRead | kWrite | kExecute);
    CHECK(image.verdict() == "segment both writable and executable");
  }
  SECTION("larger in the file") {
    image.segment(1, 0x3000, kBase + 0x2000, 0x1000, 0x0800, kRead);
    CHECK(image.verdict() == "segment larger in the file than in memory");
  }
  SECTION("offset that wraps") {
    image.segment(1, ~std::uint64_t{0} - 0x10, kBase + 0x2000, 0x1000, 0x1000, kRead);
    CHECK(image.verdict().starts_with("segment beyond the end of the file"));
  }
  SECTION("not aligned") {
    image.segment(1, 0x3000, kBase + 0x2010, 0x1000, 0x1000, kRead);
    CHECK(image.verdict() == "segment not aligned to a page");
  }
  SECTION("huge") {
    image.segment(1, 0x3000, kBase + 0x2000, 0x1000, kMaxImageBytes + 1, kRead);
    CHECK(image.verdict() == "segment too large");
  }
  SECTION("address that wraps") {
    image.segment(1, 0x3000, ~std::uint64_t{0xfff}, 0x1000, 0x1000, kRead);
    CHECK(image.verdict() == "segment too large");
  }
  SECTION("far away") {
    image.segment(1, 0x3000, kBase + kMaxImageBytes, 0x1000, 0x1000, kRead);
    CHECK(image.verdict() == "segments too far apart");
  }
  SECTION("overlap") {
    image.segment(1, 0x3000, kBase + 0x3000, 0x1000, 0x1000, kRead);
    CHECK(image.verdict() == "segments overlap");
  }
  SECTION("sharing a page") {
    image.segment(1, 0x3000, kBase + 0x1000, 0x1000, 0x1000, kRead);
    CHECK(image.verdict() == "segments overlap");
  }
  SECTION("base not a multiple of 2 MiB") {
    image.segment(0, 0x1000, kBase + 0x1000, 0x1000, 0x1000, kRead | kExecute);
    CHECK(image.verdict() == "image not linked at a multiple of 2 MiB");
  }
  SECTION("none") {
    image.put<std::uint16_t>(56, 1);
    image.put<std::uint32_t>(kProgramHeaders, 4);
    CHECK(image.verdict() == "no segment to load");
  }
  SECTION("too many") {
    image.put<std::uint16_t>(56, kMaxSegments + 1);
    for (unsigned i = 0; i <= kMaxSegments; ++i) image.segment(i, 0x1000, kBase + i * 0x1000, 16, 16, kRead);
    CHECK(image.verdict() == "too many segments");
  }
}

TEST_CASE("uefi elf: the entry point must be code of the file", "[uefi]") {
  const char* const message = "entry point outside the executable segments";
  Image image;
  SECTION("data") { image.put<std::uint64_t>(24, kBase + 0x3000); }
  SECTION("before the image") { image.put<std::uint64_t>(24, kBase - 1); }
  SECTION("behind the image") { image.put<std::uint64_t>(24, kBase + 0x9000); }
  SECTION("behind the code") { image.put<std::uint64_t>(24, kBase + 0x1800); }
  SECTION("virtual address") { image.put<std::uint64_t>(24, 0xffffffff80200040); }
  SECTION("zeroes of the segment") { image.segment(0, 0x1000, kBase, 0x20, 0x1800, kRead | kExecute); }
  CHECK(image.verdict() == message);
}
