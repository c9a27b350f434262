// SPDX-License-Identifier: Apache-2.0
// Pages that were taken out of a user's tables: they are given back only when no CPU can still reach them.
#pragma once

#include "kernel/mm/tlb.hpp"
#include "kernel/smp/call.hpp"
#include "kernel/user/mm/user_page.hpp"

#include <algorithm>
#include <arch/mmu.hpp>
#include <atomic>

namespace runnel::user {

/// Makes the CPUs of `cpus` forget [start, start + size) of the address space they are the CPUs of.
inline void flush_user_range(const AtomicCpuMask& cpus, u64 start, u64 size) {
  // Partner: AtomicCpuMask::set in switch_mm(). A CPU that is not seen here loads the tables after the
  // change.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const mm::VirtRange range{{start}, size};
  mm::tlb_shootdown({&range, 1}, cpus.load());
}

/// Makes the CPUs of `cpus` forget which tables lead where in `table`, which is theirs.
inline void flush_user_walks(const AtomicCpuMask& cpus, const arch::UserTable& table) {
  std::atomic_thread_fence(std::memory_order_seq_cst); // partner: as above
  if (arch::kTlbFlushBroadcasts) return table.forget_walks();
  const auto forget = [](void* of) { static_cast<const arch::UserTable*>(of)->forget_walks(); };
  call_function(cpus.load(), forget, const_cast<arch::UserTable*>(&table), Wait::kYes);
}

class TlbGather {
 public:
  explicit TlbGather(const AtomicCpuMask& cpus) : cpus_(cpus) {}
  TlbGather(const TlbGather&) = delete;
  TlbGather& operator=(const TlbGather&) = delete;
  ~TlbGather() { finish(); }

  /// The leaf at `virt` is going; the caller removes it before anything else happens here. Takes over its
  /// reference to the page.
  void add(VirtAddr virt, PhysAddr page) {
    if (count_ == kBatch) finish();
    if (count_ == 0) start_ = virt.value;
    start_ = std::min(start_, virt.value);
    end_ = std::max(end_, virt.value + kPageSize);
    pages_[count_++] = page;
  }
  void finish() {
    if (count_ == 0) return;
    flush_user_range(cpus_, start_, end_ - start_);
    while (count_ > 0) page_put(pages_[--count_]);
    end_ = 0;
  }

 private:
  static constexpr u32 kBatch = 64;
  const AtomicCpuMask& cpus_;
  PhysAddr pages_[kBatch];
  u32 count_ = 0;
  u64 start_ = 0;
  u64 end_ = 0;
};

} // namespace runnel::user
