// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/cpu_time/account.hpp"

#include "kernel/task/task.hpp"
#include "kernel/time/clock.hpp"

#include <sched/port.hpp>
#include <sched/sched.hpp>

namespace runnel::user {
namespace {

constexpr u64 kTickNs = static_cast<u64>(sched::port::kTick.ns);

/// What its last tick has added is in it.
CpuSample sample_at_tick(ThreadCpu& thread) {
  const auto& run = static_cast<sched::Task&>(*thread.task).stats.sum_exec_runtime.ns;
  return {thread.user.load(std::memory_order_relaxed), thread.system.load(std::memory_order_relaxed),
          static_cast<u64>(__atomic_load_n(&run, __ATOMIC_RELAXED))};
}

} // namespace

CpuSample ProcessCpu::sample_of(ThreadCpu& thread) {
  return {thread.user.load(std::memory_order_relaxed), thread.system.load(std::memory_order_relaxed),
          static_cast<u64>(sched::task_runtime(*thread.task).ns)};
}

CpuSample ProcessCpu::sample_locked() {
  CpuSample sum = ended_;
  for (ThreadCpu& thread : threads_) sum += sample_of(thread);
  return sum;
}

void ProcessCpu::add(ThreadCpu& thread, Task& task) {
  const IrqSpinGuard guard(lock_);
  thread.task = &task;
  threads_.push_back(thread);
}

void ProcessCpu::remove(ThreadCpu& thread) {
  const IrqSpinGuard guard(lock_);
  List<ThreadCpu, &ThreadCpu::in_process>::erase(thread);
  ended_ += sample_of(thread);
  while (CpuTimer* const timer = thread.timers.all.pop_front()) {
    timer->disarm_locked();
    timer->thread_ = nullptr;
  }
  refresh();
}

ThreadCpu* ProcessCpu::find(u32 tid) {
  for (ThreadCpu& thread : threads_)
    if (thread.task->pid == tid) return &thread;
  return nullptr;
}

CpuSample ProcessCpu::sample() {
  const IrqSpinGuard guard(lock_);
  return sample_locked();
}
CpuTimes ProcessCpu::times() {
  const IrqSpinGuard guard(lock_);
  return told_.tell(sample_locked());
}
CpuTimes ProcessCpu::times_of(ThreadCpu& thread) {
  const IrqSpinGuard guard(lock_);
  return thread.told.tell(sample_of(thread));
}
bool ProcessCpu::sample_thread(u32 tid, CpuSample& to) {
  const IrqSpinGuard guard(lock_);
  ThreadCpu* const thread = find(tid);
  if (thread == nullptr) return false;
  to = sample_of(*thread);
  return true;
}

TimerTimes ProcessCpu::left_of(const CpuItimer& timer, u64 now) {
  if (timer.expires == 0) return {timer.interval, 0};
  return {timer.interval, timer.expires > now ? timer.expires - now : kTickNs}; // about to fire
}

TimerTimes ProcessCpu::set_itimer(CpuClock which, u64 value, u64 interval) {
  const IrqSpinGuard guard(lock_);
  CpuItimer& timer = itimer_of(which);
  const u64 now = sample_locked().of(which);
  const TimerTimes old = left_of(timer, now);
  timer = {value == 0 ? 0 : now + value + kTickNs, interval};
  refresh();
  return old;
}

TimerTimes ProcessCpu::itimer(CpuClock which) {
  const IrqSpinGuard guard(lock_);
  return left_of(itimer_of(which), sample_locked().of(which));
}

void ProcessCpu::set_limit(u64 at) {
  const IrqSpinGuard guard(lock_);
  limit_ = at;
  refresh();
}

u64 ProcessCpu::next_of(CpuClock clock) {
  u64 next = timers_.next[static_cast<u32>(clock)].load(std::memory_order_relaxed);
  if (clock == CpuClock::kProf) next = std::min(next, limit_);
  if (clock == CpuClock::kRun) return next;
  const u64 itimer = itimer_of(clock).expires;
  return itimer == 0 ? next : std::min(next, itimer);
}

void ProcessCpu::refresh(CpuTimers& timers) {
  u64 next[kNrCpuClocks] = {kNoExpiry, kNoExpiry, kNoExpiry};
  for (const CpuTimer& timer : timers.all) {
    u64& earliest = next[static_cast<u32>(timer.which_)];
    if (timer.armed_) earliest = std::min(earliest, timer.expires_);
  }
  for (u32 i = 0; i < kNrCpuClocks; ++i) timers.next[i].store(next[i], std::memory_order_relaxed);
  refresh();
}

void ProcessCpu::refresh() {
  const bool own = next_of(CpuClock::kProf) != kNoExpiry || next_of(CpuClock::kVirtual) != kNoExpiry ||
                   next_of(CpuClock::kRun) != kNoExpiry;
  look_at_.store(own ? 0 : kNoExpiry, std::memory_order_relaxed); // the next tick finds out when
  armed_.store(own || nr_armed_ != 0, std::memory_order_relaxed);
}

bool ProcessCpu::is_near(ThreadCpu& self, Instant now) const {
  if (now.ns >= look_at_.load(std::memory_order_relaxed)) return true;
  const CpuSample sample = sample_at_tick(self);
  for (const CpuClock clock : {CpuClock::kProf, CpuClock::kVirtual, CpuClock::kRun})
    if (sample.of(clock) >= self.timers.next[static_cast<u32>(clock)].load(std::memory_order_relaxed))
      return true;
  return false;
}

void ProcessCpu::collect(CpuTimers& timers, const CpuSample& sample, DueTimers& due) {
  for (CpuTimer& timer : timers.all) {
    // One that is still firing expires anew at a later look.
    if (!timer.armed_ || timer.firing_ || sample.of(timer.which_) < timer.expires_) continue;
    timer.disarm_locked();
    timer.expire_locked();
    due.add(timer);
  }
  refresh(timers);
}

bool ProcessCpu::expire_itimer(CpuClock which, u64 now) {
  CpuItimer& timer = itimer_of(which);
  if (timer.expires == 0 || now < timer.expires) return false;
  timer.expires = timer.interval == 0 ? 0 : timer.expires + timer.interval;
  return true;
}

void ProcessCpu::look(ThreadCpu& self, CpuEvents& events) {
  const IrqSpinGuard guard(lock_);
  const CpuSample sum = sample_locked();
  collect(self.timers, sample_of(self), events.due);
  collect(timers_, sum, events.due);
  events.prof = sum.of(CpuClock::kProf);
  events.prof_expired = expire_itimer(CpuClock::kProf, events.prof);
  events.virtual_expired = expire_itimer(CpuClock::kVirtual, sum.user);
  events.limit_reached = events.prof >= limit_;
  refresh();
  if (look_at_.load(std::memory_order_relaxed) == kNoExpiry) return;
  const u64 cpus = sched::port::possible_cpus().count();
  u64 ahead = kNoExpiry;
  for (const CpuClock clock : {CpuClock::kProf, CpuClock::kVirtual, CpuClock::kRun}) {
    const u64 next = next_of(clock), shows = sum.of(clock);
    if (next != kNoExpiry) ahead = std::min(ahead, next > shows ? (next - shows) / cpus : 0);
  }
  look_at_.store(time::now().ns + ahead, std::memory_order_relaxed);
}

} // namespace runnel::user
