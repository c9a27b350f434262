// SPDX-License-Identifier: Apache-2.0
// What a page table entry may allow, by the mapping it is for.
#pragma once

#include "kernel/user/mm/user_page.hpp"
#include "kernel/user/mm/vma.hpp"

#include <arch/exception.hpp>
#include <arch/mmu.hpp>

namespace runnel::user {

/// Whether the mapping allows the access at all.
inline bool allows(const Vma& vma, arch::Access access) {
  switch (access) {
  case arch::Access::kWrite:
    return vma.has(kVmWrite);
  case arch::Access::kExecute:
    return vma.has(kVmExec);
  default:
    return (vma.flags & kVmRights) !=
           0; // no machine here has pages that can be written or executed but not read
  }
}

/// Whether a write may go to this very page: it is shared on purpose, or nobody else has it.
inline bool is_written_in_place(const Vma& vma, PhysAddr page) {
  if (is_zero_page(page)) return false;
  return !vma.is_private() || page_refs(page) == 1;
}

/// The rights of `page` in `vma` after this access, which the mapping allows. A page is never writable and
/// executable: where the mapping is both, the last access decides, and the other kind faults once.
inline u8 rights_of(const Vma& vma, PhysAddr page, arch::Access access) {
  if ((vma.flags & kVmRights) == 0) return 0;
  u8 rights = arch::kUserRead;
  if (vma.has(kVmWrite) && access != arch::Access::kExecute && is_written_in_place(vma, page))
    rights |= arch::kUserWrite;
  else if (vma.has(kVmExec))
    rights |= arch::kUserExecute;
  return rights;
}

} // namespace runnel::user
