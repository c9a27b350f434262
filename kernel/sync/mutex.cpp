// SPDX-License-Identifier: Apache-2.0
#include "kernel/sync/mutex.hpp"

namespace runnel::sync {

void Mutex::lock() NO_THREAD_SAFETY_ANALYSIS {
  const Result<> locked = impl_.lock();
  if (!locked) panic("mutex deadlock: the owner is the caller or waits for it");
}

void Mutex::unlock() NO_THREAD_SAFETY_ANALYSIS {
  RUNNEL_BUG_ON(impl_.owner() != &sched::current());
  impl_.unlock();
}

} // namespace runnel::sync
