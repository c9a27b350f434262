// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/rseq/slice.hpp"

#include "kernel/sync/preempt.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/timer.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/rseq/test_points.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

#include <sched/sched.hpp>
#include <utility>

namespace runnel::user::rseq {

constinit std::atomic<bool> slices_offered{true};

namespace {

constexpr u64 kShortest = 5'000, kLongest = 50'000; // ns
constexpr u32 kRequest = 0xff, kGranted = 1u << 8;  // bytes 0 and 1 of slice_ctrl
constexpr i64 kNotSupported = -524;                 // Linux's ENOTSUPP, which has no name in user space

constinit std::atomic<u64> length{kShortest};

void expired(time::Timer& timer);

/// A CPU's timer; its owner is whose extension it ends.
struct Guard {
  time::Timer timer{expired};
  Task* owner = nullptr;
};
constinit PerCpu<Guard> guards;

void ask_to_reschedule(Task& task) { task.thread.flags.fetch_or(kNeedResched, std::memory_order_relaxed); }

/// In the interrupt. Whoever else runs here by now is left alone (T9).
void expired(time::Timer&) {
  Guard& guard = guards.local();
  Task* const owner = std::exchange(guard.owner, nullptr);
  if (owner != &current_task() || owner->user == nullptr || !owner->user->rseq.slice.granted) return;
  ++statistics.local().expired;
  ask_to_reschedule(*owner);
}

bool store_control(const Thread& self, u32 value) {
  return store_user<u32>(self.rseq.area + kSliceControl, value).has_value();
}

void bad_area() { force_signal(SigInfo::from_kernel(kSigSegv)); }

/// Interrupts on. True: it may have it, and is told so.
bool decide(Thread& self, u32 work) {
  Slice& slice = self.rseq.slice;
  if (work != 0 || slice.granted) {
    revoke(self);
    if (!store_control(self, 0)) bad_area();
    return false;
  }
  const auto control = load_user<u32>(self.rseq.area + kSliceControl);
  if (!control) {
    bad_area();
    return false;
  }
  if ((*control & kRequest) == 0) return false;
  if (!store_control(self, kGranted)) {
    bad_area();
    return false;
  }
  return true;
}

} // namespace

u64 slice_length() { return length.load(std::memory_order_relaxed); }
Result<> set_slice_length(u64 ns) {
  if (ns < kShortest || ns > kLongest) return err(Errno::kRANGE);
  length.store(ns, std::memory_order_relaxed);
  return {};
}

bool put_off_reschedule(Thread& self, u32 work) {
  arch::Cpu::irq_enable();
  const bool granted = decide(self, work);
  arch::Cpu::irq_disable();
  // Switched meanwhile: then the other has had its turn, and what the area says is cleared with the rest.
  if (!granted || self.task->rseq_event.switched != 0) return false;
  self.task->thread.flags.fetch_and(~(kNeedResched | kNeedReschedLazy), std::memory_order_relaxed);
  ++statistics.local().granted;
  Slice& slice = self.rseq.slice;
  slice.granted = true;
  slice.yielded = false;
  slice.expires = time::now() + Duration{static_cast<i64>(length.load(std::memory_order_relaxed))};
  return true;
}

bool start_slice(Thread& self) {
  delay_grant();
  Guard& guard = guards.local();
  if ((time::now() - self.rseq.slice.expires).ns >= 0) {
    ask_to_reschedule(*self.task);
    return false;
  }
  time::timer_cancel(guard.timer); // of somebody who was switched away from
  guard.owner = self.task;
  time::timer_start(guard.timer, self.rseq.slice.expires);
  return true;
}

void end_slice(Thread& self, bool yields) {
  Slice& slice = self.rseq.slice;
  if (!slice.granted) return;
  {
    const PreemptGuard stays; // and is switched away from at its end
    const IrqGuard irqs_off;
    Guard& guard = guards.local();
    if (guard.owner == self.task) {
      guard.owner = nullptr;
      time::timer_cancel(guard.timer);
    }
    ++(yields ? statistics.local().yielded : statistics.local().aborted);
    if (self.task->rseq_event.switched == 0) {
      ask_to_reschedule(*self.task);
      slice.yielded = yields;
    }
    slice.granted = false;
  }
  if (!store_control(self, 0)) bad_area();
}

u32 slice_flags(u32 call_flags) {
  if (!slices_offered.load(std::memory_order_relaxed)) return 0;
  return kSliceAvailable | ((call_flags & kSliceDefaultOn) != 0 ? kSliceEnabled : 0);
}

i64 slice_control(u64 operation, u64 argument, u64 third, u64 fourth) {
  constexpr u64 kGet = 1, kSet = 2, kEnable = 1;
  Thread& self = current_thread();
  Slice& slice = self.rseq.slice;
  if (third != 0 || fourth != 0 || (operation != kGet && operation != kSet)) return negative(Errno::kINVAL);
  if (operation == kGet) return argument != 0 ? negative(Errno::kINVAL) : (slice.enabled ? 1 : 0);
  if ((argument & ~kEnable) != 0) return negative(Errno::kINVAL);
  if (!slices_offered.load(std::memory_order_relaxed)) return kNotSupported;
  if (self.rseq.area == 0) return negative(Errno::kNXIO);
  if (self.task->rseq_event.version == 1) return kNotSupported;
  const bool enable = argument != 0;
  if (enable == slice.enabled) return 0;
  const u64 at = self.rseq.area + kFlags;
  const auto flags = load_user<u32>(at);
  const u32 expected = kSliceAvailable | (slice.enabled ? kSliceEnabled : 0);
  if (!flags || (*flags & expected) != expected ||
      !store_user<u32>(at, (*flags & ~kSliceEnabled) | (enable ? kSliceEnabled : 0))) {
    bad_area();
    return negative(Errno::kFAULT);
  }
  slice.enabled = enable;
  return 0;
}

} // namespace runnel::user::rseq

namespace runnel::user {

i64 sys_rseq_slice_yield() { return std::exchange(current_thread().rseq.slice.yielded, false) ? 1 : 0; }

} // namespace runnel::user
