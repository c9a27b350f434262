// SPDX-License-Identifier: Apache-2.0
// Page faults: memory appears when it is touched, and is copied when it is written to.
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/mm/page_rights.hpp"
#include "kernel/user/mm/tlb_gather.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::user {

using arch::Access;
using arch::UserPage;

FaultResult Mm::handle_fault(u64 address, Access access) {
  const MutexGuard guard(lock_);
  ++faults_;
  return fault(address, access);
}

FaultResult Mm::fault(u64 address, Access access) {
  const u64 virt = align_down(address, kPageSize);
  Vma* vma = address < kTaskSize ? vmas_.find(address) : nullptr;
  if (vma == nullptr || (virt < vma->start && !grow_down(*vma, virt)))
    return {FaultVerdict::kMapError, address};
  if (!allows(*vma, access)) return {FaultVerdict::kAccessError, address};
  const std::optional<UserPage> present = table_.query({virt});
  const Result<> handled =
      present ? change_page(*vma, virt, *present, access) : make_page(*vma, virt, access);
  if (handled) return {FaultVerdict::kDone, address};
  return {handled.error() == Errno::kNOMEM ? FaultVerdict::kNoMemory : FaultVerdict::kBusError, address};
}

bool Mm::grow_down(Vma& vma, u64 to) {
  if (!vma.has(kVmGrowsDown) || to < kMinAddress || vma.end - to > limits_.stack) return false;
  // Another mapping that can be used must be the guard gap away, or an overflow would run into it unnoticed.
  const Vma* below = vmas_.previous(vma);
  if (below != nullptr) {
    const bool harmless = below->has(kVmGrowsDown) || (below->flags & kVmRights) == 0;
    if (to < below->end || (!harmless && to - below->end < kStackGuardGap)) return false;
  }
  if (!may_expand(vma.start - to, vma.flags)) return false;
  vmas_.resize(vma, to, vma.end);
  return true;
}

Result<> Mm::map_page(const Vma& vma, u64 virt, PhysAddr page, Access access) {
  if (const Result<> mapped = table_.map({virt}, {page, rights_of(vma, page, access)}); !mapped) {
    page_put(page);
    return mapped;
  }
  if (!is_zero_page(page)) peak_resident_ = std::max(peak_resident_, ++resident_);
  return {};
}

Result<> Mm::make_page(const Vma& vma, u64 virt, Access access) {
  const bool writes = access == Access::kWrite;
  if (vma.object == nullptr) {
    if (!writes) return map_page(vma, virt, zero_page(), access);
    const Result<PhysAddr> page = page_alloc_zeroed();
    return page ? map_page(vma, virt, *page, access) : err(page.error());
  }
  const Result<PhysAddr> page = vma.object->page(vma.index_of(virt));
  if (!page) return err(page.error());
  if (!vma.is_private() || !writes) return map_page(vma, virt, *page, access);
  const Result<PhysAddr> copy = page_alloc_copy(*page);
  page_put(*page);
  return copy ? map_page(vma, virt, *copy, access) : err(copy.error());
}

Result<> Mm::change_page(const Vma& vma, u64 virt, const UserPage& page, Access access) {
  if (access == Access::kWrite && !is_written_in_place(vma, page.phys))
    return copy_page(vma, virt, page, access);
  const u8 rights = rights_of(vma, page.phys, access);
  table_.visit(virt, virt + kPageSize, [rights](VirtAddr, UserPage& leaf) {
    leaf.rights = rights;
    return arch::LeafAction::kUpdate;
  });
  if ((page.rights & ~rights) != 0)
    flush_user_range(cpus_, virt, kPageSize);
  else
    arch::tlb_flush_range({virt},
                          kPageSize); // others that still have the old translation fault and come here
  return {};
}

Result<> Mm::copy_page(const Vma& vma, u64 virt, const UserPage& page, Access access) {
  const Result<PhysAddr> copy = is_zero_page(page.phys) ? page_alloc_zeroed() : page_alloc_copy(page.phys);
  if (!copy) return err(copy.error());
  // No CPU may have translations to both pages: the old one goes everywhere before the new one comes.
  zap(virt, virt + kPageSize);
  return map_page(vma, virt, *copy, access);
}

Result<std::span<std::byte>> Mm::reach(u64 address, Access access) {
  const auto is_ready = [&](const std::optional<UserPage>& page) {
    return page && page->rights != 0 && (access != Access::kWrite || (page->rights & arch::kUserWrite) != 0);
  };
  std::optional<UserPage> page =
      address < kTaskSize ? table_.query({align_down(address, kPageSize)}) : std::nullopt;
  if (!is_ready(page)) {
    const FaultResult result = fault(address, access);
    if (result.verdict == FaultVerdict::kNoMemory) return err(Errno::kNOMEM);
    if (!result.ok()) return err(Errno::kFAULT);
    page = table_.query({align_down(address, kPageSize)});
  }
  return std::span<std::byte>(page_bytes(page->phys)).subspan(address % kPageSize);
}

Result<> Mm::copy_in(u64 to, std::span<const std::byte> from) {
  const MutexGuard guard(lock_);
  while (!from.empty()) {
    const Result<std::span<std::byte>> there = reach(to, Access::kWrite);
    if (!there) return err(there.error());
    const usize size = std::min(there->size(), from.size());
    std::memcpy(there->data(), from.data(), size);
    from = from.subspan(size);
    to += size;
  }
  return {};
}

Result<> Mm::copy_out(std::span<std::byte> to, u64 from) {
  const MutexGuard guard(lock_);
  while (!to.empty()) {
    const Result<std::span<std::byte>> there = reach(from, Access::kRead);
    if (!there) return err(there.error());
    const usize size = std::min(there->size(), to.size());
    std::memcpy(to.data(), there->data(), size);
    to = to.subspan(size);
    from += size;
  }
  return {};
}

Result<> Mm::fill_zero(u64 address, u64 size) {
  const MutexGuard guard(lock_);
  while (size > 0) {
    const Result<std::span<std::byte>> there = reach(address, Access::kWrite);
    if (!there) return err(there.error());
    const u64 here = std::min<u64>(there->size(), size);
    std::memset(there->data(), 0, here);
    address += here;
    size -= here;
  }
  return {};
}

} // namespace runnel::user
