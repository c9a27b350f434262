// SPDX-License-Identifier: Apache-2.0
// Any bytes as a program: refused, or every number the loader would use lies within file and address space.
#include "kernel/user/elf.hpp"

#include <cstdlib>

using namespace runnel;

extern "C" int LLVMFuzzerTestOneInput(const u8* data, usize size) {
  constexpr u64 kLimit = 0x7fff'ffff'f000;
  const auto image = user::ElfImage::parse({reinterpret_cast<const std::byte*>(data), size}, 62, kLimit);
  if (!image) return 0;
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  require(image->low() < image->high() && image->high() <= kLimit && image->entry() < kLimit);
  require(image->alignment() >= kPageSize && (image->alignment() & (image->alignment() - 1)) == 0);
  require(image->nr_segments() > 0);
  for (u16 i = 0; i < image->nr_segments(); ++i) {
    const user::ElfSegment s = image->segment(i);
    require(s.file_size <= s.memory_size && s.address >= image->low());
    require(s.address + s.memory_size <= image->high());
    require(s.address % kPageSize == s.file_offset % kPageSize);
    require(s.file_offset + s.file_size >= s.file_offset);
  }
  require(image->interpreter().empty() || image->interpreter().find('\0') == std::string_view::npos);
  return 0;
}
