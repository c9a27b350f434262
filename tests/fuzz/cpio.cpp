// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the initrd reader. Whatever the bytes are, what it hands out lies inside them and it
// comes to an end.
#include "kernel/fs/cpio.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto archive = std::as_bytes(std::span(data, size));
  runnel::fs::CpioReader reader(archive);
  for (std::size_t members = 0;; ++members) {
    if (members > size) std::abort(); // each member takes at least its header
    const auto step = reader.next();
    if (!step || step->end) break;
    const auto& content = step->file.content;
    if (!content.empty() && (content.data() < archive.data() ||
                             content.data() + content.size() > archive.data() + archive.size()))
      std::abort();
  }
  const auto file = runnel::fs::cpio_find(archive, "workload");
  if (!file && file.error().offset > size + 4) std::abort(); // rounded up to 4 at most
  return 0;
}
