// SPDX-License-Identifier: Apache-2.0
// Pages that files and address spaces hold together: counted in the page's word.
#pragma once

#include "kernel/mm/address.hpp"
#include "kernel/mm/page_alloc.hpp"

#include <atomic>
#include <cstring>

namespace runnel::fs {

inline std::atomic_ref<u32> page_count(PhysAddr page) {
  return std::atomic_ref<u32>(mm::page_word(page)->tag.next_cached);
}

/// A page of zeros with one reference; kNOMEM.
inline Result<PhysAddr> new_zero_page() {
  const Result<PhysAddr> page = alloc_pages(0);
  if (!page) return page;
  std::memset(mm::phys_ptr<std::byte>(*page), 0, kPageSize);
  page_count(*page).store(1, std::memory_order_relaxed);
  return page;
}
inline void page_get(PhysAddr page) { page_count(page).fetch_add(1, std::memory_order_relaxed); }
inline void page_put(PhysAddr page) {
  if (page_count(page).fetch_sub(1, std::memory_order_acq_rel) == 1) free_pages(page, 0);
}

} // namespace runnel::fs
