// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the reader of flattened device trees, and the machine it makes of one. Every token lies
// inside the tree, the walk ends, an error says something and an accepted machine can be used.
#include "tests/firmware_image.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runnel::test;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  FirmwareImage image;
  image.load_fdt(Blob(bytes, bytes + size));
  if (broken_walk(image.parts[0].bytes) != nullptr) std::abort();
  const auto out = image.describe();
  if (out.result ? broken_promise(out.machine, 0) != nullptr : out.why.empty()) std::abort();
  return 0;
}
