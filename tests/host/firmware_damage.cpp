// SPDX-License-Identifier: Apache-2.0
// Damaged tables: cut at every byte, and thousands of random bytes changed. The reader ends, reads nothing
// that is not there (address sanitizer), names what is wrong, and never hands out a machine the kernel could
// not index with.
#include "tests/firmware_image.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace runnel;
using namespace runnel::test;

namespace {

const char* const kAcpi[] = {"q35-2-of-4.acpi", "q35-numa.acpi", "q35-ovmf.acpi", "microvm-4.acpi",
                             "virt-numa.acpi"};
const char* const kTrees[] = {"virt-8-smt.dtb", "virt-numa.dtb"};

Blob load(const std::string& file) { return load_file(RUNNEL_TEST_DATA "/firmware/" + file); }

/// Whatever the tables are: an error that says something, or a machine that can be used.
void check_outcome(const FirmwareImage& image) {
  const auto out = image.describe();
  const char* broken = out.result ? broken_promise(out.machine, 0) : nullptr;
  if (image.info.device_tree != 0 && broken == nullptr) broken = broken_walk(image.parts[0].bytes);
  if (broken != nullptr || (!out.result && out.why.empty())) {
    CAPTURE(out.why);
    FAIL((broken != nullptr ? broken : "error without text"));
  }
}

} // namespace

TEST_CASE("firmware: an ACPI table cut anywhere is an error that names it", "[firmware]") {
  for (const char* file : kAcpi) {
    const Blob whole = load(file);
    FirmwareImage image;
    image.load_acpi(whole);
    for (std::size_t part = 0; part < image.parts.size(); ++part) {
      const Blob bytes = image.parts[part].bytes;
      CAPTURE(file, part);
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        image.parts[part].bytes.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        const auto out = image.describe();
        // A table that is not even a header cannot be told from one that is not there, and most may be
        // missing.
        if (part < 2) CHECK_FALSE(out.result);
        if (!out.result) CHECK(out.why.starts_with("ACPI "));
        check_outcome(image);
      }
      image.parts[part].bytes = bytes;
    }
  }
}

TEST_CASE("firmware: an ACPI table that says it is shorter is read up to there", "[firmware]") {
  for (const char* file : kAcpi) {
    FirmwareImage image;
    image.load_acpi(load(file));
    for (std::size_t part = 1; part < image.parts.size(); ++part) {
      const Blob bytes = image.parts[part].bytes;
      for (std::size_t size = 36; size < bytes.size(); ++size) {
        image.parts[part].bytes.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        image.fix_sums();
        CAPTURE(file, part, size);
        check_outcome(image);
      }
      image.parts[part].bytes = bytes;
    }
  }
}

TEST_CASE("firmware: any one changed byte of an ACPI table is noticed", "[firmware]") {
  for (const char* file : kAcpi) {
    FirmwareImage image;
    image.load_acpi(load(file));
    for (const char* signature : {"APIC", "FACP"}) {
      Blob& bytes = image.table(signature).bytes;
      for (std::size_t at = 4; at < bytes.size(); ++at) { // before: another table
        bytes[at] ^= std::byte{0x10};
        const auto out = image.describe();
        bytes[at] ^= std::byte{0x10};
        CAPTURE(file, signature, at);
        REQUIRE_FALSE(out.result);
        CHECK(out.why.starts_with("ACPI table "));
      }
    }
  }
}

TEST_CASE("firmware: random damage under right checksums", "[firmware]") {
  std::mt19937 random(2026);
  for (const char* file : kAcpi) {
    const Blob whole = load(file);
    for (u32 round = 0; round < 2000; ++round) {
      FirmwareImage image;
      image.load_acpi(whole);
      for (u32 flips = 1 + random() % 4; flips != 0; --flips) {
        Blob& bytes = image.parts[1 + random() % (image.parts.size() - 1)].bytes;
        bytes[random() % bytes.size()] = static_cast<std::byte>(random());
      }
      if (round % 2 == 0) image.fix_sums();
      CAPTURE(file, round);
      check_outcome(image);
    }
  }
}

TEST_CASE("firmware: an impossible entry is named with its table and offset", "[firmware]") {
  FirmwareImage image;
  image.load_acpi(load("q35-4.acpi"));
  image.table("APIC").bytes[44 + 8 + 1] = std::byte{0}; // length of the second entry
  image.fix_sums();
  const auto out = image.describe();
  REQUIRE_FALSE(out.result);
  CHECK(out.why == "ACPI table APIC: entry of type 0 at offset 52 has the impossible length 0");
}

TEST_CASE("firmware: a processor hierarchy that loops ends in an error", "[firmware]") {
  FirmwareImage image;
  image.load_acpi(load("virt-4.acpi"));
  Blob& pptt = image.table("PPTT").bytes;
  pptt[36 + 4] = std::byte{0};  // the package is none any more
  pptt[36 + 8] = std::byte{56}; // and its parent is its child
  image.fix_sums();
  const auto out = image.describe();
  REQUIRE_FALSE(out.result);
  CHECK(out.why == "ACPI table PPTT: node at offset 76 has more than 8 levels above it");
}

TEST_CASE("firmware: a device tree cut anywhere is an error", "[firmware]") {
  for (const char* file : kTrees) {
    const Blob whole = load(file);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      FirmwareImage image;
      image.load_fdt(Blob(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
      const auto out = image.describe();
      CAPTURE(file, size);
      REQUIRE_FALSE(out.result);
      REQUIRE(out.why.starts_with("device tree "));
      if (size < 40) continue;
      // The same, with a header that knows: what is cut off first are the names.
      Blob& bytes = image.parts[0].bytes;
      const u32 told = __builtin_bswap32(static_cast<u32>(size));
      std::memcpy(&bytes[4], &told, 4);
      check_outcome(image);
    }
  }
}

TEST_CASE("firmware: random damage to a device tree", "[firmware]") {
  std::mt19937 random(2026);
  for (const char* file : kTrees) {
    const Blob whole = load(file);
    for (u32 round = 0; round < 3000; ++round) {
      FirmwareImage image;
      Blob bytes = whole;
      // Half of it where the numbers are that everything else is found by.
      const std::size_t range = round % 2 == 0 ? 400 : bytes.size();
      for (u32 flips = 1 + random() % 4; flips != 0; --flips)
        bytes[random() % range] = static_cast<std::byte>(random());
      image.load_fdt(bytes);
      CAPTURE(file, round);
      check_outcome(image);
    }
  }
}

TEST_CASE("firmware: a damaged device tree is named with the offset", "[firmware]") {
  FirmwareImage image;
  Blob bytes = load("virt-1.dtb");
  const u32 structure = 56; // the token after the root's
  bytes[structure + 8 + 3] = std::byte{0x7f};
  image.load_fdt(bytes);
  const auto out = image.describe();
  REQUIRE_FALSE(out.result);
  CHECK(out.why.starts_with("device tree: damaged before offset "));
}
