// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: system registers, and a page whose table entry a test may bend.
#pragma once

#include "kernel/lib/types.hpp"
#include "kernel/mm/init.hpp"
#include "kernel/mm/vmap.hpp"

#include <arch/layout.hpp>
#include <arch/mmu.hpp>

namespace runnel::test {

#define RUNNEL_SYSTEM_REGISTER(name)                                                                         \
  inline u64 read_##name() {                                                                                 \
    u64 value;                                                                                               \
    asm volatile("mrs %0, " #name : "=r"(value)::"memory");                                                  \
    return value;                                                                                            \
  }
RUNNEL_SYSTEM_REGISTER(currentel)
RUNNEL_SYSTEM_REGISTER(daif)
RUNNEL_SYSTEM_REGISTER(pan)
RUNNEL_SYSTEM_REGISTER(sctlr_el1)
RUNNEL_SYSTEM_REGISTER(spsel)
RUNNEL_SYSTEM_REGISTER(tcr_el1)
#undef RUNNEL_SYSTEM_REGISTER

// Bits of a level-3 entry (Arm ARM D8.3).
inline constexpr u64 kEntryUser = 1u << 6, kEntryReadOnly = 1u << 7, kEntryNoExecute = u64{1} << 53;

/// One page of memory, mapped read-write in a stack's slot; `set`/`clear` change bits of its table entry.
class BentPage {
 public:
  BentPage() : stack_(stack_alloc()) {
    if (!stack_) return;
    u64* table = static_cast<u64*>(arch::phys_to_virt(kernel_page_table().root()));
    const u64 virt = stack_->value - kPageSize;
    for (u32 level = 0; level < 3; ++level)
      table = static_cast<u64*>(
          arch::phys_to_virt({table[virt >> (39 - 9 * level) & 511] & 0x0000'ffff'ffff'f000}));
    entry_ = &table[virt >> 12 & 511];
    saved_ = *entry_;
  }
  ~BentPage() {
    if (!stack_) return;
    write(saved_);
    stack_free(*stack_);
  }
  BentPage(const BentPage&) = delete;
  BentPage& operator=(const BentPage&) = delete;

  bool valid() const { return stack_.has_value(); }
  volatile u32* words() const { return reinterpret_cast<volatile u32*>(stack_->value - kPageSize); }
  void set(u64 bits) { write(*entry_ | bits); }
  void clear(u64 bits) { write(*entry_ & ~bits); }

 private:
  void write(u64 entry) {
    const VirtAddr page{stack_->value - kPageSize};
    __atomic_store_n(entry_, u64{0}, __ATOMIC_RELAXED); // break before make
    arch::tlb_flush_range(page, kPageSize);
    __atomic_store_n(entry_, entry, __ATOMIC_RELAXED);
    arch::tlb_flush_range(page, kPageSize);
  }

  Result<VirtAddr> stack_;
  u64* entry_ = nullptr;
  u64 saved_ = 0;
};

} // namespace runnel::test
