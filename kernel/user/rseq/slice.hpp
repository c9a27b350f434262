// SPDX-License-Identifier: Apache-2.0
// Time slice extension (spec rseq_mm_cid 5): a thread that holds a lock of user space asks, in its struct
// rseq, for a few microseconds before it is preempted. One request to reschedule that comes by an interrupt
// is put off, until the thread yields, makes another system call, or a timer says that it is enough.
#pragma once

#include "kernel/user/rseq/rseq.hpp"

namespace runnel::user::rseq {

/// rseq_slice=off on the command line.
extern std::atomic<bool> slices_offered;
/// Length of an extension, ns: from 5 to 50 us. kRANGE.
u64 slice_length();
Result<> set_slice_length(u64 ns);

/// A reschedule is asked for on the way to user mode; interrupts are off, and are for a while on. True: it is
/// put off, do not schedule.
bool put_off_reschedule(Thread& self, u32 work);
inline bool may_put_off(const Thread& self) {
  const Slice& slice = self.rseq.slice;
  return slice.granted || (slice.enabled && self.task->rseq_event.user_entry != 0);
}
/// The very last thing before user mode of a thread with an extension, interrupts off. False: it is over
/// already, look at everything anew.
bool start_slice(Thread& self);
/// A system call of a thread with an extension ends it.
void end_slice(Thread& self, bool yields);
/// The thread was switched away from, or is to be: it has none any more. Its slice_ctrl is cleared elsewhere.
inline void revoke(Thread& self) {
  if (!self.rseq.slice.granted) return;
  self.rseq.slice.granted = false;
  const PreemptGuard stays;
  ++statistics.local().revoked;
}

/// What a registration of version 2 begins with in its `flags`.
u32 slice_flags(u32 call_flags);
/// prctl(PR_RSEQ_SLICE_EXTENSION).
i64 slice_control(u64 operation, u64 argument, u64 third, u64 fourth);

} // namespace runnel::user::rseq
