// SPDX-License-Identifier: Apache-2.0
// The lock-order checker of debug images. It knows which spinlocks a CPU holds and panics, naming both locks,
// when
//  - a lock is taken whose rank is not larger than every held one's (same rank: only through lock_nested,
//  upwards
//    in address, which for runqueues is upwards in CPU number);
//  - a rank is taken both in interrupt context and, elsewhere, with interrupts on (it could deadlock with
//  itself);
//  - a thread is about to sleep with a spinlock held;
//  - a lock is released that this CPU does not hold.
// Locks are recorded per CPU, not per thread: the rq lock is taken by one thread and released by the next
// (rule L8).
#pragma once

#include "kernel/lib/lock_rank.hpp"

namespace runnel::sync {

class SpinLock;

enum class Nesting : u8 { kNone, kSameRank };

#ifdef RUNNEL_DEBUG
/// Before waiting for `lock`, so that a deadlock is reported rather than entered. Preemption is off.
void lockdep_acquire(const SpinLock& lock, LockRank rank, Nesting nesting, const void* caller);
void lockdep_release(const SpinLock& lock);
/// Panics when this CPU holds any spinlock but `except`.
void lockdep_assert_none_held(const SpinLock* except, const char* doing);
/// Panics when this CPU holds a spinlock of this rank or further in.
void lockdep_assert_outside(LockRank rank, const char* doing);
/// Number of spinlocks this CPU holds.
u32 lockdep_held_count();
/// From panic on: no more checks.
void lockdep_off();
/// For the checker's own tests: reports go to `hook` instead of panic; nullptr restores. Returns nothing
/// held.
using LockdepHook = void (*)(const char* what, LockRank held, LockRank wanted);
void lockdep_set_hook(LockdepHook hook);
#else
inline void lockdep_acquire(const SpinLock&, LockRank, Nesting, const void*) {}
inline void lockdep_release(const SpinLock&) {}
inline void lockdep_assert_none_held(const SpinLock*, const char*) {}
inline void lockdep_assert_outside(LockRank, const char*) {}
inline u32 lockdep_held_count() { return 0; }
inline void lockdep_off() {}
#endif

} // namespace runnel::sync
