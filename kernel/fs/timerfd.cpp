// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/timerfd.hpp"
#include "kernel/time/clock.hpp"

#include "kernel/fs/seams.hpp"
#include "kernel/time/timer.hpp"

namespace runnel::fs {
namespace {

/// What the clock shows when the monotonic one shows 0. Time namespaces give boottime one of its own later.
i64 offset_of(TimerClock clock) { return clock == TimerClock::kRealtime ? seams.realtime_offset() : 0; }

constexpr i64 kNeverNs = static_cast<i64>(kNever.ns);
i64 saturating_add(i64 a, u64 b) {
  i64 sum;
  return __builtin_add_overflow(a, b, &sum) ? kNeverNs : sum;
}
i64 now_ns() { return static_cast<i64>(time::now().ns); }

class TimerFd final : public TimerFile, private time::Timer {
 public:
  TimerFd(TimerClock clock, u32 flags) : TimerFile(kReadWrite | flags), Timer(fired), clock_(clock) {}
  ~TimerFd() override {
    {
      const IrqSpinGuard guard(lock_);
      armed_ = false; // a function that runs now does not start it again
    }
    time::timer_cancel_sync(*this);
  }

  u32 poll(PollTable* table) override {
    if (table != nullptr) table->watch(queue_);
    return has_expired() ? u32{kPollReadable} : 0;
  }
  void stat(Stat& to) const override {
    to.device = 14;
    to.inode = inode_;
    to.mode = 0600;
  }
  void describe(Sink& sink) const override { sink.write("anon_inode:[timerfd]"); }
  void fdinfo(Sink& sink) const override {
    const u32 ids[] = {1, 0, 7};
    const IrqSpinGuard guard(lock_);
    format_to(sink, "clockid: {}\nticks: {}\n", ids[static_cast<u32>(clock_)], ticks_);
  }

  TimerSetting set(TimerKind kind, const TimerSetting& setting) override {
    TimerSetting old;
    // Until nobody else has armed it between the cancelling and the arming.
    const MutexGuard one_at_a_time(set_lock_);
    {
      const IrqSpinGuard guard(lock_);
      old = remaining();
      armed_ = false; // a function that runs now leaves it alone
    }
    time::timer_cancel_sync(*this);
    const IrqSpinGuard guard(lock_);
    queued_ = false;
    ticks_ = 0;
    interval_ = setting.interval;
    if (setting.value == 0) return old;
    if (kind == TimerKind::kRelative) {
      next_ = saturating_add(now_ns(), setting.value);
    } else {
      // The clock may have shown it before this machine was on: negative.
      const i64 value = setting.value > kNever.ns ? kNeverNs : static_cast<i64>(setting.value);
      if (__builtin_sub_overflow(value, offset_of(clock_), &next_)) next_ = kNeverNs;
    }
    armed_ = true;
    queue();
    return old;
  }

  TimerSetting get() override {
    const IrqSpinGuard guard(lock_);
    return remaining();
  }

 protected:
  Result<usize> do_read(IoBuffer& to, u64&) override {
    if (to.left() < sizeof(u64)) return err(Errno::kINVAL);
    u64 count;
    while ((count = take()) == 0) {
      if (is_nonblocking()) return err(Errno::kAGAIN);
      if (queue_.wait(kPollReadable, [this] { return has_expired(); }, kNever) == WaitResult::kInterrupted)
        return err(Errno::kRESTARTSYS);
    }
    return to.put(&count, sizeof count) == sizeof count ? Result<usize>(sizeof count) : err(Errno::kFAULT);
  }

 private:
  static void fired(time::Timer& timer) {
    auto& self = static_cast<TimerFd&>(timer);
    const IrqSpinGuard guard(self.lock_);
    self.queued_ = false;
    if (!self.armed_) return;
    self.advance();
    self.queue_.wake(kPollReadable);
  }

  void queue() REQUIRES(lock_) {
    queued_ = true;
    time::timer_start(*this, {next_ < 0 ? 0 : static_cast<u64>(next_)});
  }

  /// Counts what is due; an interval that is shorter than the interrupt's delay counts several times.
  void advance() REQUIRES(lock_) {
    const i64 now = now_ns();
    if (now < next_) return;
    if (interval_ == 0) {
      ++ticks_;
      armed_ = false;
      return;
    }
    const u64 n = static_cast<u64>(now - next_) / interval_ + 1;
    ticks_ += n;
    next_ = saturating_add(next_, n * interval_); // at most now + interval_
  }

  TimerSetting remaining() REQUIRES(lock_) {
    if (!armed_) return {interval_, 0};
    const i64 now = now_ns();
    if (next_ > now) return {interval_, static_cast<u64>(next_ - now)};
    if (interval_ == 0) return {0, 1}; // about to fire
    return {interval_, interval_ - static_cast<u64>(now - next_) % interval_};
  }

  bool has_expired() const {
    const IrqSpinGuard guard(lock_);
    return ticks_ > 0;
  }
  /// An interval goes on when its count is taken, not in the interrupt: it may be so short that the CPU would
  /// do nothing else. What has expired in between is counted here.
  u64 take() {
    const IrqSpinGuard guard(lock_);
    if (ticks_ == 0) return 0;
    if (armed_ && !queued_) {
      advance();
      time::timer_cancel_sync(*this); // fired() may be about to return; it takes no lock any more
      if (armed_) queue();
    }
    return std::exchange(ticks_, 0);
  }

  Mutex set_lock_;
  mutable SpinLock lock_{LockRank::kFileObject};
  bool armed_ GUARDED_BY(lock_) = false;
  bool queued_ GUARDED_BY(lock_) = false; // fired() is still to come
  i64 next_ GUARDED_BY(lock_) = 0;        // monotonic
  u64 interval_ GUARDED_BY(lock_) = 0;
  u64 ticks_ GUARDED_BY(lock_) = 0;
  TimerClock clock_;
  u64 inode_ = next_anonymous_inode();
  PollQueue queue_;
};

} // namespace

Result<FilePtr> TimerFile::create(TimerClock clock, u32 flags) {
  return make_file<TimerFd>(clock, flags & kNonBlock);
}

TimerFile* TimerFile::from(File& file) {
  return file.kind() == FileKind::kTimer ? static_cast<TimerFile*>(&file) : nullptr;
}

} // namespace runnel::fs
