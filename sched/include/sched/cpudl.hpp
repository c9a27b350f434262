// SPDX-License-Identifier: Apache-2.0
// The earliest deadline of each CPU of a root domain (spec 5.4), so that the CPU with the latest one is found
// at once. Owned by sched/deadline.
#pragma once

#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/thread_safety.hpp"

#include <optional>
#include <sched/port.hpp>

namespace runnel::sched {

/// Max-heap of (earliest deadline, CPU) over the CPUs with dl work, and the CPUs without. Pure; not locked.
class CpuDlHeap {
 public:
  constexpr CpuDlHeap() = default;
  CpuDlHeap(const CpuDlHeap&) = delete;
  CpuDlHeap& operator=(const CpuDlHeap&) = delete;

  /// `cpu` has dl work, the earliest due at `deadline`.
  void set(CpuId cpu, u64 deadline);
  /// `cpu` has no dl work and could take some.
  void set_free(CpuId cpu);
  /// `cpu` takes no part: it is offline.
  void remove(CpuId cpu);

  bool has_work(CpuId cpu) const { return slot_[cpu.value] != 0; }
  /// Earliest deadline on `cpu`, which has_work.
  u64 deadline(CpuId cpu) const { return heap_[slot_[cpu.value] - 1].deadline; }
  /// Work due at `deadline` would be first on `cpu`.
  bool would_be_first(CpuId cpu, u64 deadline) const;
  /// Of `allowed`, the CPUs that are free; if none, the one with the latest deadline if that is later than
  /// `deadline`; else nothing.
  CpuMask find(const CpuMask& allowed, u64 deadline) const;
  u32 size() const { return size_; }
  const CpuMask& free() const { return free_; }

 private:
  struct Member {
    u64 deadline = 0;
    u32 cpu = 0;
  };
  void put(u32 at, Member member);
  void sift_up(u32 at);
  void sift_down(u32 at);
  void erase(CpuId cpu);

  Member heap_[kMaxCpus];   // children of i: 2i+1, 2i+2
  u32 slot_[kMaxCpus] = {}; // a CPU's place in heap_ plus one; 0: not in it
  u32 size_ = 0;
  CpuMask free_;
};

/// The heap of a root domain, with its lock (inside the rq locks).
struct CpuDl {
  port::Lock lock{port::LockRank::kRootDomain};
  CpuDlHeap heap GUARDED_BY(lock);
};

} // namespace runnel::sched
