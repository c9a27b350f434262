// SPDX-License-Identifier: Apache-2.0
#include "kernel/sync/lockdep.hpp"

#ifdef RUNNEL_DEBUG

#include "kernel/debug/panic.hpp"
#include "kernel/log/log.hpp"
#include "kernel/smp/percpu.hpp"
#include "kernel/sync/spinlock.hpp"

#include <atomic>

namespace runnel::sync {
namespace {

struct Held {
  const SpinLock* lock;
  LockRank rank;
  bool in_irq;
  const void* caller;
};

struct HeldList {
  Held entries[16];
  u32 count = 0;
};

constinit PerCpu<HeldList> held_locks;
constinit std::atomic<bool> off{false};
constinit std::atomic<LockdepHook> test_hook{nullptr};

// Per rank: seen in interrupt context / seen with interrupts on. Both together are a self-deadlock waiting.
constinit std::atomic<u8> usage[static_cast<usize>(LockRank::kCount)];
constexpr u8 kUsedInIrq = 1;
constexpr u8 kUsedIrqsOn = 2;

void report(const char* what, LockRank held, LockRank wanted, const void* caller) {
  if (const LockdepHook hook = test_hook.load(std::memory_order_relaxed)) return hook(what, held, wanted);
  off.store(true, std::memory_order_relaxed);
  const HeldList& list = held_locks.local();
  for (u32 i = 0; i < list.count; ++i)
    printk("held: {} lock {}, taken from {}{}", to_string(list.entries[i].rank),
           static_cast<const void*>(list.entries[i].lock), list.entries[i].caller,
           list.entries[i].in_irq ? " in an interrupt" : "");
  panic("lock order: {}: wanted {} while holding {}, from {}", what, to_string(wanted), to_string(held),
        caller);
}

void check_irq_usage(LockRank rank, bool in_irq, const void* caller) {
  const u8 now = in_irq ? kUsedInIrq : (arch::Cpu::irqs_enabled() ? kUsedIrqsOn : u8{0});
  auto& word = usage[static_cast<usize>(rank)];
  if (now == 0 || (word.load(std::memory_order_relaxed) & now) != 0) return;
  const u8 all = static_cast<u8>(word.fetch_or(now, std::memory_order_relaxed) | now);
  if (all == (kUsedInIrq | kUsedIrqsOn))
    report("taken in an interrupt and, elsewhere, with interrupts on", rank, rank, caller);
}

} // namespace

void lockdep_acquire(const SpinLock& lock, LockRank rank, Nesting nesting, const void* caller) {
  if (off.load(std::memory_order_relaxed)) return;
  check_irq_usage(rank, in_hardirq(), caller);
  const IrqGuard irqs_off; // an interrupt between here and `++count` would see half an entry
  HeldList& list = held_locks.local();
  const bool in_irq = in_hardirq();
  for (u32 i = 0; i < list.count; ++i) {
    const Held& held = list.entries[i];
    if (held.lock == &lock) return report("taken twice by one CPU", held.rank, rank, caller);
    if (held.in_irq != in_irq) continue; // the interrupted code's locks: ordered by check_irq_usage instead
    const bool same_rank_upwards = held.rank == rank && nesting == Nesting::kSameRank && held.lock < &lock;
    if (held.rank >= rank && !same_rank_upwards) return report("wrong order", held.rank, rank, caller);
  }
  if (list.count == sizeof list.entries / sizeof list.entries[0])
    return report("too many locks held", list.entries[0].rank, rank, caller);
  list.entries[list.count++] = {&lock, rank, in_irq, caller};
}

void lockdep_release(const SpinLock& lock) {
  if (off.load(std::memory_order_relaxed)) return;
  const IrqGuard irqs_off;
  HeldList& list = held_locks.local();
  for (u32 i = list.count; i-- > 0;) {
    if (list.entries[i].lock != &lock) continue;
    for (u32 j = i + 1; j < list.count; ++j) list.entries[j - 1] = list.entries[j];
    --list.count;
    return;
  }
  report("released but not held", lock.rank(), lock.rank(), __builtin_return_address(0));
}

void lockdep_assert_none_held(const SpinLock* except, const char* doing) {
  if (off.load(std::memory_order_relaxed)) return;
  const IrqGuard irqs_off;
  const HeldList& list = held_locks.local();
  for (u32 i = 0; i < list.count; ++i)
    if (list.entries[i].lock != except)
      return report(doing, list.entries[i].rank, list.entries[i].rank, __builtin_return_address(0));
}

void lockdep_assert_outside(LockRank rank, const char* doing) {
  if (off.load(std::memory_order_relaxed)) return;
  const IrqGuard irqs_off;
  const HeldList& list = held_locks.local();
  for (u32 i = 0; i < list.count; ++i)
    if (list.entries[i].rank >= rank)
      return report(doing, list.entries[i].rank, rank, __builtin_return_address(0));
}

u32 lockdep_held_count() {
  const IrqGuard irqs_off;
  return held_locks.local().count;
}

void lockdep_off() { off.store(true, std::memory_order_relaxed); }
void lockdep_set_hook(LockdepHook hook) { test_hook.store(hook, std::memory_order_relaxed); }

} // namespace runnel::sync

#endif
