// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the readers of ACPI tables. The input is a table image as in tests/data/firmware; it is
// read as it is, and once more with lengths and checksums put right, so that what they guard is reached.
// Whatever the tables are, an error says something and an accepted machine can be used.
#include "tests/firmware_image.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runnel::test;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  FirmwareImage image;
  image.load_acpi(Blob(bytes, bytes + size));
  for (int pass = 0; pass < 2; ++pass) {
    const auto out = image.describe();
    if (out.result ? broken_promise(out.machine, 0) != nullptr : out.why.empty()) std::abort();
    image.fix_sums();
  }
  return 0;
}
