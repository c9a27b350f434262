// SPDX-License-Identifier: Apache-2.0
// Ticket spinlock: first come, first served, so that no CPU starves and a deterministic run stays one. Its
// guards are the only way most code should take it.
#pragma once

#include "kernel/lib/lock_rank.hpp"
#include "kernel/lib/thread_safety.hpp"
#include "kernel/sync/lockdep.hpp"
#include "kernel/sync/preempt.hpp"

namespace runnel::sync {

class CAPABILITY("spinlock") SpinLock {
 public:
  explicit constexpr SpinLock(LockRank rank) : rank_(rank) {}
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  /// Preemption must be off (the guards see to it). Acquire; pairs with the release in unlock().
  void lock() ACQUIRE() { lock_as(Nesting::kNone); }
  /// While a lock of the same rank with a smaller address is held: the second of two runqueues (rule L2).
  void lock_nested() ACQUIRE() { lock_as(Nesting::kSameRank); }
  bool try_lock() TRY_ACQUIRE(true) {
    u16 ticket = owner_.load(std::memory_order_relaxed);
    if (!next_.compare_exchange_strong(ticket, static_cast<u16>(ticket + 1), std::memory_order_acquire,
                                       std::memory_order_relaxed))
      return false;
    // Our ticket equals `owner` only if nobody was in between; the exchange above proved next == owner.
    lockdep_acquire(*this, rank_, Nesting::kSameRank, __builtin_return_address(0));
    return true;
  }
  /// Release; pairs with the acquire in lock() of the next holder.
  void unlock() RELEASE() {
    lockdep_release(*this);
    owner_.store(static_cast<u16>(owner_.load(std::memory_order_relaxed) + 1), std::memory_order_release);
  }

  bool is_locked() const {
    return owner_.load(std::memory_order_relaxed) != next_.load(std::memory_order_relaxed);
  }
  void assert_held() const ASSERT_CAPABILITY(this) {}
  LockRank rank() const { return rank_; }

 private:
  void lock_as(Nesting nesting) ACQUIRE() {
    lockdep_acquire(*this, rank_, nesting, __builtin_return_address(0));
    const u16 ticket = next_.fetch_add(1, std::memory_order_relaxed);
    while (owner_.load(std::memory_order_acquire) != ticket) arch::Cpu::relax();
  }

  std::atomic<u16> owner_{0};
  std::atomic<u16> next_{0};
  LockRank rank_;
};

/// Lock with preemption off. For locks no interrupt handler takes.
class SCOPED_CAPABILITY [[nodiscard]] SpinGuard {
 public:
  explicit SpinGuard(SpinLock& lock) ACQUIRE(lock) : lock_(lock) {
    preempt_disable();
    lock_.lock();
  }
  ~SpinGuard() RELEASE() {
    lock_.unlock();
    preempt_enable();
  }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  SpinLock& lock_;
};

/// Lock with interrupts (and preemption) off; restores the interrupt state it found.
class SCOPED_CAPABILITY [[nodiscard]] IrqSpinGuard {
 public:
  explicit IrqSpinGuard(SpinLock& lock) ACQUIRE(lock) : lock_(lock), flags_(arch::Cpu::irq_save()) {
    preempt_disable();
    lock_.lock();
  }
  ~IrqSpinGuard() RELEASE() {
    lock_.unlock();
    arch::Cpu::irq_restore(flags_);
    preempt_enable(); // after interrupts are back, so that a pending reschedule is acted on here
  }
  IrqSpinGuard(const IrqSpinGuard&) = delete;
  IrqSpinGuard& operator=(const IrqSpinGuard&) = delete;

 private:
  SpinLock& lock_;
  arch::Cpu::IrqFlags flags_;
};

} // namespace runnel::sync

namespace runnel {
using sync::IrqGuard;
using sync::IrqSpinGuard;
using sync::LockRank;
using sync::PreemptGuard;
using sync::SpinGuard;
using sync::SpinLock;
} // namespace runnel
