// SPDX-License-Identifier: Apache-2.0
// Sleeping lock with priority inheritance, handed over to the most urgent waiter, among equals in the order
// of arrival. The work is sched::Mutex's; this adds what the compiler checks.
#pragma once

#include "kernel/debug/panic.hpp"
#include "kernel/sync/spinlock.hpp"

#include <sched/mutex.hpp>

namespace runnel::sync {

class CAPABILITY("mutex") Mutex {
 public:
  constexpr Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  /// Blocks while another thread owns it. Thread context, no spinlock held; panics when it would wait for
  /// ever (the owner is the caller, or waits for it).
  void lock() ACQUIRE();
  bool try_lock() TRY_ACQUIRE(true) { return impl_.try_lock(); }
  /// By the owner (else panics). The next waiter becomes the owner before anyone else can try.
  void unlock() RELEASE();
  bool is_locked() const { return impl_.owner() != nullptr; }
  const sched::Task* owner() const { return impl_.owner(); }

 private:
  sched::Mutex impl_;
};

class SCOPED_CAPABILITY [[nodiscard]] MutexGuard {
 public:
  explicit MutexGuard(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexGuard() RELEASE() { mutex_.unlock(); }
  MutexGuard(const MutexGuard&) = delete;
  MutexGuard& operator=(const MutexGuard&) = delete;

 private:
  Mutex& mutex_;
};

} // namespace runnel::sync

namespace runnel {
using sync::Mutex;
using sync::MutexGuard;
} // namespace runnel
