// SPDX-License-Identifier: Apache-2.0
// The ground of a workload on the simulated machine. See kernel/workload/ground.hpp.
#pragma once

#include "kernel/lib/errno.hpp"
#include "sched/sim/task.hpp"

#include <cstdlib>
#include <sched/port.hpp>
#include <string_view>

namespace runnel::workload::ground {

using sched::port::LockRank;
using SpinLock = sched::port::Lock;

class SCOPED_CAPABILITY [[nodiscard]] SpinGuard {
 public:
  explicit SpinGuard(SpinLock& lock) ACQUIRE(lock) : lock_(lock) {
    sched::port::preempt_disable();
    lock_.lock();
  }
  ~SpinGuard() RELEASE() {
    lock_.unlock();
    sched::port::preempt_enable();
  }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  SpinLock& lock_;
};

inline void* allocate(usize bytes) { return std::malloc(bytes); }
inline void release(void* pointer) { std::free(pointer); }

Result<sched::Task*> create(std::string_view name, void (*body)(void*), void* arg, const CpuMask& cpus);
void join(sched::Task& task);

void burn(Duration left);
/// A byte a nanosecond.
inline void wrote(usize bytes) { sim::compute(Duration{static_cast<i64>(bytes)}); }
void sleep_step(Instant until);
inline void yield() { sched::yield(); }
void print_line(std::string_view text);

} // namespace runnel::workload::ground
