// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/kernel_map.hpp"

#include "kernel/mm/address.hpp"

// The page at the lower end of the boot stack, left out of the map.
extern "C" const char boot_stack_guard[];

namespace runnel::mm {
namespace {

constinit u64 image_phys = 0;

// Addresses as numbers: the compiler assumes things about pointers that symbols of a linker script do not
// keep.
struct Segment {
  u64 start;
  u64 end;
  arch::Prot prot;
};

u64 address(const char* symbol) { return reinterpret_cast<u64>(symbol); }
PhysAddr image_to_phys(u64 virt) { return {image_phys + (virt - address(__image_start))}; }
PhysAddr phys(const char* symbol) { return image_to_phys(address(symbol)); }

Result<> map_image(arch::PageTable& table) {
  const u64 data = address(__data_start);
  const u64 guard = address(boot_stack_guard);
  const Segment segments[] = {
      {address(__text_start), address(__text_end), arch::Prot::kReadExecute},
      {address(__rodata_start), address(__rodata_end), arch::Prot::kRead},
      {data, guard, arch::Prot::kReadWrite},
      {guard + kPageSize, address(__data_end), arch::Prot::kReadWrite},
      {address(__ksyms_start), address(__ksyms_end), arch::Prot::kRead},
  };
  for (const Segment& s : segments)
    if (s.start != s.end) RUNNEL_TRY(table.map({s.start}, image_to_phys(s.start), s.end - s.start, s.prot));
  return {};
}

Result<> map_direct(arch::PageTable& table, u64 base, u64 end, arch::Prot prot) {
  if (base >= end) return {};
  return table.map({arch::kDirectMap + base}, {base}, end - base, prot);
}

// The image once more, through the direct map: its data writable, all else (and what the loader left behind
// its end) readable.
Result<> map_image_span(arch::PageTable& table, u64 base, u64 end) {
  const u64 data = phys(__data_start).value;
  const u64 data_end = phys(__data_end).value;
  if (data < base || data_end > end) return map_direct(table, base, end, arch::Prot::kRead);
  RUNNEL_TRY(map_direct(table, base, data, arch::Prot::kRead));
  RUNNEL_TRY(map_direct(table, data, data_end, arch::Prot::kReadWrite));
  return map_direct(table, data_end, end, arch::Prot::kRead);
}

struct Run {
  u64 base, end;
  SpanKind kind; // kUsable stands for kTaken too
};

// Neighbouring spans with one fate, from `cursor` on. Found anew each time because mapping takes table pages,
// which splits usable spans (but changes no fate).
std::optional<Run> next_run(const MemoryMap& map, u64 cursor) {
  std::optional<Run> run;
  for (const MemorySpan& span : map.spans()) {
    if (span.base < cursor || span.kind == SpanKind::kReserved) continue;
    const SpanKind kind = span.kind == SpanKind::kTaken ? SpanKind::kUsable : span.kind;
    if (!run)
      run = Run{span.base, span.end, kind};
    else if (span.base == run->end && kind == run->kind)
      run->end = span.end;
    else
      break;
  }
  return run;
}

} // namespace

void set_image_base(PhysAddr base) { image_phys = base.value; }

PhysAddr virt_to_phys(const void* p) {
  const u64 virt = reinterpret_cast<u64>(p);
  if (virt >= arch::kImageBase) return image_to_phys(virt);
  return {virt - arch::kDirectMap};
}

Result<> build_kernel_map(arch::PageTable& table, const MemoryMap& map) {
  RUNNEL_TRY(map_image(table));
  for (auto run = next_run(map, 0); run; run = next_run(map, run->end)) {
    switch (run->kind) {
    case SpanKind::kKernel:
      RUNNEL_TRY(map_image_span(table, run->base, run->end));
      break;
    case SpanKind::kUsable:
      RUNNEL_TRY(map_direct(table, run->base, run->end, arch::Prot::kReadWrite));
      break;
    default:
      RUNNEL_TRY(map_direct(table, run->base, run->end, arch::Prot::kRead));
      break;
    }
  }
  return {};
}

} // namespace runnel::mm
