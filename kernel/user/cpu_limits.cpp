// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/cpu_limits.hpp"

#include "kernel/user/process.hpp"
#include "kernel/user/signal/signal.hpp"

#include <algorithm>
#include <sched/deadline.hpp>
#include <sched/rt.hpp>

namespace runnel::user {
namespace {

constexpr u64 kAgainAfter = 1'000'000; // us: above the soft limit, a signal each second

/// Without the process' lock, which ranks above the queue's: a limit that is being changed is looked at again
/// under it.
u64 look_at(u64& limit) { return std::atomic_ref(limit).load(std::memory_order_relaxed); }

void rt_ticked(sched::Task& p, Duration ran) {
  Thread* thread = static_cast<Task&>(p).user;
  if (thread == nullptr) return;
  Limit& limit = thread->process->limits[kLimitRealTimeRun];
  const auto us = static_cast<u64>(ran.ns) / 1000;
  if (us < std::min(look_at(limit.soft), look_at(limit.hard))) return;
  thread->realtime_us.store(us, std::memory_order_relaxed);
  thread->work.fetch_or(kWorkCpuLimits, std::memory_order_release);
}

void deadline_overran(sched::Task& p) {
  Thread* thread = static_cast<Task&>(p).user;
  if (thread == nullptr) return;
  thread->overran.store(true, std::memory_order_relaxed);
  thread->work.fetch_or(kWorkCpuLimits, std::memory_order_release);
}

/// SIGXCPU, SIGKILL, or 0: nothing.
i32 signal_due(Process& process, u64 ran) {
  const IrqSpinGuard guard(process.lock);
  Limit& limit = process.limits[kLimitRealTimeRun];
  if (ran >= limit.hard) return kSigKill;
  if (ran < limit.soft) return 0;
  limit.soft += kAgainAfter; // seen by getrlimit, as Linux has it
  return kSigXcpu;
}

} // namespace

void connect_cpu_limits() {
  sched::set_rt_time_hook(rt_ticked);
  sched::set_dl_overrun_hook(deadline_overran);
}

void check_cpu_limits(Thread& self) {
  Process& process = *self.process;
  if (self.overran.exchange(false, std::memory_order_acquire))
    (void)send_signal(process, SigInfo::from_kernel(kSigXcpu));
  const u64 ran = self.realtime_us.exchange(0, std::memory_order_acquire);
  if (ran == 0) return;
  if (const i32 sig = signal_due(process, ran); sig != 0)
    (void)send_signal(process, SigInfo::from_kernel(sig));
}

} // namespace runnel::user
