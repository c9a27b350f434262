// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/cpu_time/check.hpp"

#include "kernel/irq/context.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/tick.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/signal/signal.hpp"

#include <sched/port.hpp>

namespace runnel::user {
namespace {

void ticked(Task& task) {
  Thread* const thread = task.user;
  if (thread == nullptr) return;
  ThreadCpu& own = thread->cpu;
  std::atomic<u64>& part = irq::interrupted_user() ? own.user : own.system;
  // Nobody else writes them.
  part.store(part.load(std::memory_order_relaxed) + static_cast<u64>(sched::port::kTick.ns),
             std::memory_order_relaxed);
  if (thread->process->cpu.may_be_due(own, time::now())) [[unlikely]]
    thread->work.fetch_or(kWorkCpuTimers, std::memory_order_release);
}

constexpr u64 to_limit_ns(u64 seconds) {
  constexpr u64 kSecond = 1'000'000'000;
  u64 ns;
  return __builtin_mul_overflow(seconds, kSecond, &ns) ? kNoExpiry : ns;
}

/// With `used` ns: SIGXCPU, SIGKILL, or 0. And when to look again.
i32 look_at_limit(Process& process, u64 used) {
  i32 sig = 0;
  const IrqSpinGuard guard(process.lock);
  Limit& limit = process.limits[kLimitCpu];
  if (limit.soft == Limit::kInfinity) {
    process.cpu.set_limit(kNoExpiry);
    return 0;
  }
  if (limit.hard != Limit::kInfinity && used >= to_limit_ns(limit.hard)) {
    sig = kSigKill;
  } else if (used >= to_limit_ns(limit.soft)) {
    sig = kSigXcpu;
    ++limit.soft; // again in a second; seen by getrlimit, as Linux has it
  }
  process.cpu.set_limit(to_limit_ns(limit.soft));
  return sig;
}

void send(Process& process, i32 sig) { static_cast<void>(send_signal(process, SigInfo::from_kernel(sig))); }

} // namespace

void connect_cpu_time() { time::set_tick_hook(ticked); }

void check_cpu_timers(Thread& self) {
  Process& process = *self.process;
  {
    // Who is to wait for one of these to have fired spins.
    const PreemptGuard stays;
    CpuEvents events;
    process.cpu.look(self.cpu, events);
    events.due.fire();
    if (events.prof_expired) send(process, kSigProf);
    if (events.virtual_expired) send(process, kSigVtalrm);
    if (!events.limit_reached) return;
    if (const i32 sig = look_at_limit(process, events.prof); sig != 0) send(process, sig);
  }
}

void cpu_limit_changed(Process& process) {
  const IrqSpinGuard guard(process.lock);
  const u64 soft = process.limits[kLimitCpu].soft;
  process.cpu.set_limit(soft == Limit::kInfinity ? kNoExpiry : to_limit_ns(soft));
}

} // namespace runnel::user
