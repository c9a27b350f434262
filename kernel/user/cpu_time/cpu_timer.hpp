// SPDX-License-Identifier: Apache-2.0
// Something that is to happen when a clock of processor time shows a certain value. The threads whose time
// that is look for it at their ticks (check.cpp), on their way to user mode.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/list.hpp"
#include "kernel/user/cpu_time/clock_id.hpp"
#include "kernel/user/timers/timer_times.hpp"

namespace runnel::user {

class ProcessCpu;
struct Process;
struct ThreadCpu;

class CpuTimer {
 public:
  CpuTimer() = default;
  CpuTimer(const CpuTimer&) = delete;
  CpuTimer& operator=(const CpuTimer&) = delete;

  /// Finds the clock, once, before anything else. kINVAL: there is none of this id.
  Result<> attach(const CpuClockId& id);
  /// From now on expired() is not called any more, nor running. Thread context, no spinlock held.
  void stop();
  /// Arms it for the point `value` of the clock, or so far ahead of now; 0: not at all. Where that is past
  /// already it expires within the call. It was stopped. kSRCH: the thread has ended, the process was waited
  /// for.
  Result<> start(TimerStart how, u64 value, u64 interval);
  TimerTimes left();
  /// The point it waits for, 0: none.
  u64 expires();

  ListNode in_clock; // ProcessCpu::lock, as all that is below
  ListNode in_due;   // of the one that fires it

 protected:
  /// It is only looked at.
  enum class Mode : u8 { kFires, kSilent };
  explicit CpuTimer(Mode mode) : mode_(mode) {}
  ~CpuTimer() { detach(); }
  void detach();

  /// The clock has reached it. Preemption off, no lock held.
  virtual void expired() = 0;
  /// What expired() began is over, and an interval goes on: how many were missed. Locks of Process::lock's
  /// rank may be held.
  u64 rearm();

 private:
  friend class ProcessCpu;
  friend class DueTimers;

  /// An interval that has expired is waiting for rearm().
  u64 left_locked(u64 now) const;
  u64 now_locked();
  void arm_locked();
  void disarm_locked();
  void expire_locked();

  const Mode mode_ = Mode::kFires;
  CpuClock which_ = CpuClock::kRun;
  Process* target_ = nullptr;   // own reference
  ThreadCpu* thread_ = nullptr; // of a thread's clock, while the thread is there
  CpuScope scope_ = CpuScope::kProcess;
  bool armed_ = false;
  bool firing_ = false; // expired() is about to be called, or running
  bool waits_ = false;  // for rearm()
  u64 expires_ = 0;
  u64 interval_ = 0;
};

} // namespace runnel::user
