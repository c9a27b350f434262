// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: control registers, the task state segment, and a page whose table
// entry a test may bend.
#pragma once

#include "kernel/lib/types.hpp"
#include "kernel/mm/init.hpp"
#include "kernel/mm/vmap.hpp"

#include <arch/layout.hpp>
#include <arch/mmu.hpp>
#include <arch_impl/registers.hpp>

namespace runnel::test {

/// Task-state segment of this CPU, found the way the CPU finds it: task register, descriptor in the GDT.
inline u64 task_state() {
  struct [[gnu::packed]] {
    u16 limit = 0;
    u64 base = 0;
  } gdt;
  u16 selector = 0;
  asm volatile("sgdt %0" : "=m"(gdt));
  asm volatile("str %0" : "=m"(selector));
  const auto* descriptor = reinterpret_cast<const u64*>(gdt.base + (selector & ~u64{7}));
  return (descriptor[0] >> 16 & 0xff'ffff) | (descriptor[0] >> 56) << 24 | descriptor[1] << 32;
}

/// Top of the stack that gates with this interrupt-stack number (from 1) switch to.
inline u64 ist_top(u32 number) {
  u64 top;
  __builtin_memcpy(&top, reinterpret_cast<const void*>(task_state() + 36 + 8 * (u64{number} - 1)),
                   sizeof top);
  return top;
}
inline constexpr u32 kIstNmi = 1, kIstDoubleFault = 2, kIstMachineCheck = 3;

/// The frame that the last exception on this stack left there.
inline const arch::Registers& last_frame(u32 ist_number) {
  return reinterpret_cast<const arch::Registers*>(ist_top(ist_number))[-1];
}

// Bits of a table entry (Intel SDM volume 3, 4.5).
inline constexpr u64 kEntryWritable = 1u << 1, kEntryUser = 1u << 2, kEntryNoExecute = u64{1} << 63;

/// One page of memory, mapped read-write in a stack's slot; `set`/`clear` change bits of its table entry. The
/// user bit counts only when every level has it: it is given to the levels above too, which no other page
/// notices. The thread stays on its CPU meanwhile.
class BentPage {
 public:
  BentPage() : stack_(stack_alloc()) {
    if (!stack_) return;
    u64* table = static_cast<u64*>(arch::phys_to_virt(kernel_page_table().root()));
    for (u32 level = 0; level < 4; ++level) {
      entries_[level] = &table[address() >> (39 - 9 * level) & 511];
      table = static_cast<u64*>(arch::phys_to_virt({*entries_[level] & 0x000f'ffff'ffff'f000}));
    }
    saved_ = *entries_[3];
    for (u32 level = 0; level < 3; ++level) __atomic_fetch_or(entries_[level], kEntryUser, __ATOMIC_RELAXED);
  }
  ~BentPage() {
    if (!stack_) return;
    for (u32 level = 0; level < 3; ++level)
      __atomic_fetch_and(entries_[level], ~kEntryUser, __ATOMIC_RELAXED);
    write(saved_);
    stack_free(*stack_);
  }
  BentPage(const BentPage&) = delete;
  BentPage& operator=(const BentPage&) = delete;

  bool valid() const { return stack_.has_value(); }
  u64 address() const { return stack_->value - kPageSize; }
  volatile u8* bytes() const { return reinterpret_cast<volatile u8*>(address()); }
  void call() const { reinterpret_cast<void (*)()>(address())(); }
  void set(u64 bits) { write(*entries_[3] | bits); }
  void clear(u64 bits) { write(*entries_[3] & ~bits); }

 private:
  void write(u64 entry) {
    __atomic_store_n(entries_[3], entry, __ATOMIC_RELAXED);
    arch::tlb_flush_range({address()}, kPageSize);
  }

  Result<VirtAddr> stack_;
  u64* entries_[4] = {};
  u64 saved_ = 0;
};

} // namespace runnel::test
