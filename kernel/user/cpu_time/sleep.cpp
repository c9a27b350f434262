// SPDX-License-Identifier: Apache-2.0
// clock_nanosleep by a clock of processor time, which goes on while others run.
#include "kernel/user/cpu_time/account.hpp"
#include "kernel/user/cpu_time/clock.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

#include <sched/sched.hpp>

namespace runnel::user {
namespace {

constexpr u32 kAbsolute = 1;

class CpuSleep final : public CpuTimer {
 public:
  ~CpuSleep() { detach(); }

 private:
  void expired() override { sched::try_to_wake_up(sleeper_, sched::kNormal, 0); }

  sched::Task& sleeper_ = sched::current();
};

i64 resume(RestartBlock& block);

i64 sleep(i32 clock, TimerStart how, u64 length, u64 remainder_to) {
  const auto id = cpu_clock(clock);
  CpuSleep timer;
  if (const Result<> found = id ? timer.attach(*id) : Result<>(err(Errno::kINVAL)); !found)
    return negative(found.error());
  if (const auto started = timer.start(how, length, 0); !started) return negative(started.error());
  while (!signal_pending()) {
    sched::set_current_state(sched::kInterruptible);
    if (timer.expires() == 0) { // it is 0 before the wake-up (B1)
      sched::current().state.store(sched::kRunning, std::memory_order_relaxed);
      return 0;
    }
    sched::schedule();
  }
  const u64 until = timer.expires();
  const u64 left = timer.left().value;
  if (left == 0) return 0;
  if (remainder_to != 0)
    if (const auto told = write_user(remainder_to, to_timespec(left)); !told) return negative(told.error());
  current_thread().signals.restart = {.resume = resume,
                                      .args = {static_cast<u64>(clock), until, remainder_to}};
  return kRestartRestartBlock;
}

i64 resume(RestartBlock& block) {
  return sleep(static_cast<i32>(block.args[0]), TimerStart::kAbsolute, block.args[1], block.args[2]);
}

} // namespace

i64 cpu_clock_sleep(i32 clock, u32 flags, u64 length, u64 remainder_to) {
  const auto id = cpu_clock(clock);
  if (!id) return negative(Errno::kINVAL);
  if (id->scope == CpuScope::kThread && (id->id == 0 || id->id == current_thread().tid()))
    return negative(Errno::kINVAL); // it would not wake
  const bool absolute = (flags & kAbsolute) != 0;
  const i64 result = sleep(clock, absolute ? TimerStart::kAbsolute : TimerStart::kRelative, length,
                           absolute ? 0 : remainder_to);
  return absolute && result == kRestartRestartBlock ? kRestartNoHand : result;
}

} // namespace runnel::user
