// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the UEFI loader's ELF reader. Whatever the bytes are, an accepted plan must be safe to
// load.
#include "boot/uefi/pure/elf.hpp"

#include <cstdlib>

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_plan(const runnel::uefi::ElfPlan& plan, std::uint64_t file_bytes) {
  using namespace runnel::uefi;
  require(plan.segment_count != 0 && plan.segment_count <= kMaxSegments);
  require(plan.image_bytes % kElfPage == 0 && plan.image_bytes <= kMaxImageBytes + kElfPage);
  bool entry_in_code = false;
  for (std::uint32_t i = 0; i < plan.segment_count; ++i) {
    const Segment& s = plan.segments[i];
    require(s.file_offset <= file_bytes && s.file_bytes <= file_bytes - s.file_offset);
    require(s.file_bytes <= s.memory_bytes);
    require(s.image_offset <= plan.image_bytes && s.memory_bytes <= plan.image_bytes - s.image_offset);
    require(!(s.writable && s.executable));
    entry_in_code |= s.executable && plan.entry_offset >= s.image_offset &&
                     plan.entry_offset - s.image_offset < s.file_bytes;
    for (std::uint32_t j = 0; j < i; ++j) {
      const Segment& t = plan.segments[j];
      require(s.image_offset >= t.image_offset + t.memory_bytes ||
              t.image_offset >= s.image_offset + s.memory_bytes);
    }
  }
  require(entry_in_code);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runnel::uefi;
  const std::size_t head = size < kElfHeadBytes ? size : kElfHeadBytes;
  constexpr Machine kMachines[] = {Machine::kX86_64, Machine::kAarch64};
  for (const Machine machine : kMachines) {
    ElfPlan plan;
    if (plan_elf(data, head, size, machine, plan) == nullptr) check_plan(plan, size);
  }
  return 0;
}
