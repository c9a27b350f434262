// SPDX-License-Identifier: Apache-2.0
// Futexes that are locks with priority inheritance (spec linux_abi 6: LOCK_PI and its kin).
//
// While anybody waits, a lock of user memory has a state here with a sched::Mutex whose owner is the thread
// the word names, and all waiters wait in that mutex. The state is attached to its bucket: it exists for
// whoever comes. When the lock is given back and nobody waits it is detached; whoever was on his way to it
// finds the mutex free, sees that it does not count any more, and starts over.
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/task/task.hpp"
#include "kernel/user/futex/key.hpp"

#include <sched/mutex.hpp>

namespace runnel::user {

enum class FutexScope : u8;

struct FutexPiState {
  ListNode node; // FutexBucket::pi_states while attached; like all but the mutex guarded by the bucket's lock
  FutexKey key;
  u32 refs = 0; // those who wait, or are on their way to
  sched::Mutex mutex{sched::MutexWaits::kMayGiveUp};

  bool is_attached() const { return node.is_linked(); }
  Task* owner() const { return static_cast<Task*>(mutex.owner()); }
};

/// Takes the lock or waits for it, until `until`. Sleeps.
i64 futex_lock_pi(u64 address, FutexScope scope, Instant until);
/// kAGAIN when it is owned.
i64 futex_try_lock_pi(u64 address, FutexScope scope);
i64 futex_unlock_pi(u64 address, FutexScope scope);
/// The current thread ends, its robust list is done: what it still owns goes to who waits for it, with
/// OWNER_DIED in the word where the robust list put it.
void futex_pi_exit();

} // namespace runnel::user
