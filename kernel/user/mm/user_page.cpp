// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/mm/user_page.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/mm/address.hpp"
#include "kernel/mm/page_alloc.hpp"

#include <arch/pages.hpp>
#include <atomic>

namespace runnel::user {
namespace {

alignas(kPageSize) constexpr std::byte kZeroes[kPageSize]{};

std::atomic_ref<u32> refs_of(PhysAddr page) {
  mm::PageWord* word = mm::page_word(page);
  RUNNEL_ASSERT(word != nullptr && word->user.owner == mm::PageOwner::kUser);
  return std::atomic_ref<u32>(word->user.refs);
}

Result<PhysAddr> page_alloc() {
  const Result<PhysAddr> page = mm::alloc_pages_for(mm::PageOwner::kUser, 0);
  if (page) refs_of(*page).store(1, std::memory_order_relaxed);
  return page;
}

} // namespace

PhysAddr zero_page() { return mm::virt_to_phys(kZeroes); }

Result<PhysAddr> page_alloc_zeroed() {
  const Result<PhysAddr> page = page_alloc();
  if (page) arch::clear_page(arch::phys_to_virt(*page));
  return page;
}

Result<PhysAddr> page_alloc_copy(PhysAddr from) {
  const Result<PhysAddr> page = page_alloc();
  if (page) arch::copy_page(arch::phys_to_virt(*page), arch::phys_to_virt(from));
  return page;
}

void page_get(PhysAddr page) {
  if (!is_zero_page(page)) refs_of(page).fetch_add(1, std::memory_order_relaxed);
}

void page_put(PhysAddr page) {
  // Release: what its users wrote comes before the page is anyone else's; acquire: it has, when we free it.
  if (!is_zero_page(page) && refs_of(page).fetch_sub(1, std::memory_order_acq_rel) == 1)
    mm::free_pages_for(mm::PageOwner::kUser, page, 0);
}

u32 page_refs(PhysAddr page) { return refs_of(page).load(std::memory_order_acquire); }

Result<PhysAddr> table_page_alloc() {
  const Result<PhysAddr> page = mm::alloc_pages_for(mm::PageOwner::kUserTable, 0);
  if (page) arch::clear_page(arch::phys_to_virt(*page));
  return page;
}

void table_page_free(PhysAddr page) { mm::free_pages_for(mm::PageOwner::kUserTable, page, 0); }

} // namespace runnel::user
