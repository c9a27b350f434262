// SPDX-License-Identifier: Apache-2.0
// What a new program needs: its stack and its break.
#include "kernel/user/mm/mm.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

/// Mapped from the start; the rest comes with faults.
constexpr u64 kFirstStack = 132 * 1024;
constexpr u32 kData = kVmRead | kVmWrite | kVmMayRead | kVmMayWrite | kVmMayExec;

} // namespace

Result<u64> Mm::map_stack(u64 prot) {
  const MutexGuard guard(lock_);
  const u64 top = kStackTop - random_pages(kStackChanceBits);
  Vma vma;
  vma.end = top;
  vma.start =
      top - align_down(std::clamp(limits_.stack, 4 * kPageSize, align_up(kFirstStack, kPageSize)), kPageSize);
  vma.flags = static_cast<u32>(prot & (kPROT_READ | kPROT_WRITE | kPROT_EXEC)) | kVmMayRead | kVmMayWrite |
              kVmMayExec | kVmGrowsDown | kVmStack;
  RUNNEL_TRY(may_expand(vma.size(), vma.flags));
  if (vmas_.overlaps(vma.start, vma.end)) return err(Errno::kNOMEM);
  if (const Result<Vma*> added = vmas_.add(vma); !added) return err(added.error());
  return top;
}

void Mm::set_brk_start(u64 address) {
  const MutexGuard guard(lock_);
  brk_start_ = brk_ = align_up(address, kPageSize);
}

u64 Mm::brk(u64 address) {
  const MutexGuard guard(lock_);
  if (address < brk_start_ || address >= kTaskSize || address - brk_start_ > limits_.data) return brk_;
  const u64 old_end = align_up(brk_, kPageSize);
  const u64 new_end = align_up(address, kPageSize);
  if (new_end < old_end) {
    if (!unmap(new_end, old_end)) return brk_;
  } else if (new_end > old_end) {
    Vma vma;
    vma.start = old_end;
    vma.end = new_end;
    vma.flags = kData;
    // A page is left free above it, so that it ends in a fault.
    const u64 size = vma.size();
    if (!vmas_.lowest_room(size + kPageSize, old_end, new_end + kPageSize) || !may_expand(size, vma.flags) ||
        !vmas_.add(vma))
      return brk_;
  }
  brk_ = address;
  return brk_;
}

} // namespace runnel::user
