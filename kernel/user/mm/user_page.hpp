// SPDX-License-Identifier: Apache-2.0
// Pages of user programs: counted by whoever points to them (page tables, objects), freed with the last.
#pragma once

#include "kernel/lib/errno.hpp"

#include <arch/layout.hpp>
#include <cstddef>
#include <span>

namespace runnel::user {

/// A page with one reference, all zero. kNOMEM.
Result<PhysAddr> page_alloc_zeroed();
/// A page with one reference and the contents of `from`. kNOMEM.
Result<PhysAddr> page_alloc_copy(PhysAddr from);

/// Another reference / one less. The zero page takes any number of both.
void page_get(PhysAddr page);
void page_put(PhysAddr page);
/// 1: the caller's is the only one, and nobody without one can get another.
u32 page_refs(PhysAddr page);

/// The page all reads of untouched anonymous memory see. Never written, never freed, counted nowhere.
PhysAddr zero_page();
inline bool is_zero_page(PhysAddr page) { return page == zero_page(); }

/// The contents of any page of RAM.
inline std::span<std::byte, kPageSize> page_bytes(PhysAddr page) {
  return std::span<std::byte, kPageSize>(static_cast<std::byte*>(arch::phys_to_virt(page)), kPageSize);
}

/// For UserTable: pages for tables, zeroed.
Result<PhysAddr> table_page_alloc();
void table_page_free(PhysAddr page);

} // namespace runnel::user
