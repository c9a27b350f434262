// SPDX-License-Identifier: Apache-2.0
// The processor time of a process and of each of its threads, and what waits for it to reach a point: timers,
// itimers, RLIMIT_CPU.
#pragma once

#include "kernel/sync/spinlock.hpp"
#include "kernel/user/cpu_time/cpu_timer.hpp"
#include "kernel/user/cpu_time/times.hpp"

#include <atomic>

namespace runnel {
struct Task;
}

namespace runnel::user {

inline constexpr u64 kNoExpiry = ~u64{0};

/// The timers of one process's or thread's three clocks.
struct CpuTimers {
  List<CpuTimer, &CpuTimer::in_clock> all;
  /// When the earliest of each clock expires; the tick looks at it without the lock.
  std::atomic<u64> next[kNrCpuClocks] = {kNoExpiry, kNoExpiry, kNoExpiry};
};

struct ThreadCpu {
  Task* task = nullptr;
  ListNode in_process;                 // ProcessCpu::lock
  std::atomic<u64> user{0}, system{0}; // ns; its own ticks add
  CpuTimesTold told;                   // ProcessCpu::lock
  CpuTimers timers;                    // ProcessCpu::lock
};

/// ITIMER_VIRTUAL or ITIMER_PROF.
struct CpuItimer {
  u64 expires = 0; // of the process's clock; 0: not armed
  u64 interval = 0;
};

/// Timers that have expired, off their clocks, to be fired without locks.
class DueTimers {
 public:
  bool empty() { return list_.empty(); }
  void add(CpuTimer& timer) { list_.push_back(timer); }
  /// Each in turn. Preemption off, so that who waits for one to have fired does not wait for long.
  void fire();

 private:
  List<CpuTimer, &CpuTimer::in_due> list_;
};

/// What a look at the clocks found.
struct CpuEvents {
  DueTimers due;
  bool virtual_expired = false, prof_expired = false; // the itimers
  bool limit_reached = false;
  u64 prof = 0; // what the process has used
};

class ProcessCpu {
 public:
  constexpr ProcessCpu() = default;

  void add(ThreadCpu& thread, Task& task) EXCLUDES(lock_);
  /// It ends: its time stays in the process's, its timers never fire. Its task may still run.
  void remove(ThreadCpu& thread) EXCLUDES(lock_);

  CpuSample sample() EXCLUDES(lock_);
  CpuTimes times() EXCLUDES(lock_);
  CpuTimes times_of(ThreadCpu& thread) EXCLUDES(lock_);
  /// Of the living thread `tid`; false: there is none.
  bool sample_thread(u32 tid, CpuSample& to) EXCLUDES(lock_);

  /// `which`: kProf, kVirtual. What was left of the old one, in ns as all here; a value is rounded up by a
  /// tick, as nothing is noticed in between.
  TimerTimes set_itimer(CpuClock which, u64 value, u64 interval) EXCLUDES(lock_);
  TimerTimes itimer(CpuClock which) EXCLUDES(lock_);
  /// RLIMIT_CPU is to be looked at when kProf shows that; kNoExpiry: never.
  void set_limit(u64 at) EXCLUDES(lock_);

  /// The tick, interrupts off: a look at `self`'s clocks, a thread of this process, may be worth it.
  bool may_be_due(ThreadCpu& self, Instant now) const {
    return armed_.load(std::memory_order_relaxed) && is_near(self, now);
  }
  /// What has expired, is armed no more and the caller's to carry out.
  void look(ThreadCpu& self, CpuEvents& events) EXCLUDES(lock_);

 private:
  friend class CpuTimer;
  friend class DueTimers;

  bool is_near(ThreadCpu& self, Instant now) const;
  static CpuSample sample_of(ThreadCpu& thread);
  CpuSample sample_locked() REQUIRES(lock_);
  ThreadCpu* find(u32 tid) REQUIRES(lock_);
  CpuItimer& itimer_of(CpuClock which) REQUIRES(lock_) { return which == CpuClock::kProf ? prof_ : virtual_; }
  static TimerTimes left_of(const CpuItimer& timer, u64 now);
  bool expire_itimer(CpuClock which, u64 now) REQUIRES(lock_);
  void collect(CpuTimers& timers, const CpuSample& sample, DueTimers& due) REQUIRES(lock_);
  /// After a change: `next` of those timers, and what the tick looks at.
  void refresh(CpuTimers& timers) REQUIRES(lock_);
  void refresh() REQUIRES(lock_);
  u64 next_of(CpuClock clock) REQUIRES(lock_);

  // Process::lock may be held.
  SpinLock lock_{LockRank::kCpuTime};
  List<ThreadCpu, &ThreadCpu::in_process> threads_ GUARDED_BY(lock_);
  CpuSample ended_ GUARDED_BY(lock_); // of threads that are gone
  CpuTimesTold told_ GUARDED_BY(lock_);
  CpuTimers timers_ GUARDED_BY(lock_);
  CpuItimer prof_ GUARDED_BY(lock_), virtual_ GUARDED_BY(lock_);
  u64 limit_ GUARDED_BY(lock_) = kNoExpiry;
  u32 nr_armed_ GUARDED_BY(lock_) = 0; // timers, its threads' too
  std::atomic<bool> armed_{false};     // anything at all
  /// The process's own clocks cannot reach anything sooner: all CPUs together are only so fast.
  std::atomic<u64> look_at_{kNoExpiry};
};

} // namespace runnel::user
