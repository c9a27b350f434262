// SPDX-License-Identifier: Apache-2.0
// What timer_create makes: a timer of one clock, that sends a signal.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/list.hpp"
#include "kernel/user/timers/signal_timer.hpp"

namespace runnel::user {

class PosixTimer {
 public:
  /// `clock`: checked already, but whose processor time it is. kINVAL, kNOMEM.
  static Result<PosixTimer*> create(Process& process, const TimerSignal& signal, i32 clock);
  virtual ~PosixTimer() = default;

  i32 id() const { return id_; }
  /// What was left before. kSRCH: the clock has gone. Value 0 disarms it. One caller at a time.
  virtual Result<TimerTimes> set(TimerStart how, u64 value, u64 interval) = 0;
  virtual TimerTimes left() = 0;
  virtual i32 overrun() = 0;

  ListNode in_process;

 protected:
  explicit PosixTimer(i32 id) : id_(id) {}

 private:
  const i32 id_;
};

} // namespace runnel::user
