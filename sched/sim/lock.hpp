// SPDX-License-Identifier: Apache-2.0
// Spinlock of the simulated machine: sched::port::Lock. First come, first served, like the kernel's; checks
// the written lock order (C10) when built with RUNNEL_DEBUG.
#pragma once

#include "kernel/lib/lock_rank.hpp"
#include "kernel/lib/thread_safety.hpp"
#include "sched/sim/cpu.hpp"

namespace runnel::sim {

class CAPABILITY("spinlock") Lock {
 public:
  explicit constexpr Lock(sync::LockRank rank) : rank_(rank) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  /// Preemption is off (the guards see to it).
  RUNNEL_SIM_ATOMIC void lock() ACQUIRE() {
#ifdef RUNNEL_DEBUG
    check_order(Nesting::kNone);
#endif
    acquire();
  }
  /// While a lock of the same rank at a smaller address is held: the second of two runqueues (rule L2).
  RUNNEL_SIM_ATOMIC void lock_nested() ACQUIRE() {
#ifdef RUNNEL_DEBUG
    check_order(Nesting::kSameRank);
#endif
    acquire();
  }
  RUNNEL_SIM_ATOMIC bool try_lock() TRY_ACQUIRE(true) {
    point();
    if (next_ != owner_) return false;
    ++next_;
    push_held();
    return true;
  }
  RUNNEL_SIM_ATOMIC void unlock() RELEASE() {
    pop_held();
    ++owner_;
    point();
  }

  RUNNEL_SIM_ATOMIC bool is_locked() const { return owner_ != next_; }
  /// By the executing CPU.
  RUNNEL_SIM_ATOMIC bool is_held() const {
    for (u32 i = 0; i < executing->nr_held; ++i)
      if (executing->held[i] == this) return true;
    return false;
  }
  RUNNEL_SIM_ATOMIC void assert_held() const ASSERT_CAPABILITY(this) {
#ifdef RUNNEL_DEBUG
    if (!is_held()) [[unlikely]]
      not_held();
#endif
  }
  sync::LockRank rank() const { return rank_; }

 private:
  enum class Nesting { kNone, kSameRank };

  RUNNEL_SIM_ATOMIC void acquire() ACQUIRE() {
    point();
    const u32 ticket = next_++;
    if (owner_ != ticket) [[unlikely]]
      wait(ticket);
    push_held();
  }
  RUNNEL_SIM_ATOMIC void push_held() { executing->held[executing->nr_held++ % VirtualCpu::kMaxHeld] = this; }
  RUNNEL_SIM_ATOMIC void pop_held() {
    VirtualCpu& cpu = *executing;
    u32 i = cpu.nr_held;
    while (i != 0 && cpu.held[i - 1] != this) --i;
    if (i == 0) [[unlikely]]
      not_held();
    for (; i < cpu.nr_held; ++i) cpu.held[i - 1] = cpu.held[i];
    --cpu.nr_held;
  }

  RUNNEL_SIM_ATOMIC void check_order(Nesting nesting) const {
    const VirtualCpu& cpu = *executing;
    if (cpu.nr_held != 0) {
      const Lock& last = *cpu.held[cpu.nr_held - 1];
      const bool in_order =
          last.rank_ < rank_ || (nesting == Nesting::kSameRank && last.rank_ == rank_ && &last < this);
      if (!in_order) [[unlikely]]
        out_of_order(last);
    }
    if ((executing->current->preempt_count & kPreemptMask) == 0) [[unlikely]]
      preemptible();
  }

  void wait(u32 ticket);
  [[noreturn]] void out_of_order(const Lock& held) const;
  [[noreturn]] void not_held() const;
  [[noreturn]] void preemptible() const;

  u32 owner_ = 0;
  u32 next_ = 0;
  sync::LockRank rank_;
};

} // namespace runnel::sim
