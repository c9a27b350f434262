// SPDX-License-Identifier: Apache-2.0
// The fair class: a tick at the end of a stint instead of some milliseconds later (spec 1.13).
#include "sched/fair/fair.hpp"
#include "sched/fair/wide.hpp"

namespace runnel::sched {
namespace {

constexpr Duration kLeast = 10_us; // shorter is not worth an interrupt
constexpr Duration kSlack = 5_us;  // a target that moved by less is not worth arming anew

/// Execution time, rounded up, until current has used up its protection or, past that, its request.
Duration time_to_end(const FairEntity& se) {
  const u64 end = eevdf::is_protected(se) ? se.vprot : se.deadline;
  const i64 left = static_cast<i64>(end - se.vruntime);
  if (left <= 0) return kLeast;
  const Duration time{wide::mul_div(left, se.weight, kNice0Load) + 1};
  return time < kLeast ? kLeast : time;
}

} // namespace

void fair_hrtick_update(Rq& rq) {
  if (!features.hrtick || rq.cpu != port::this_cpu()) return;
  const EevdfQueue& q = rq.fair.eevdf;
  if (q.curr == nullptr || !q.curr->on_rq || q.nr_queued <= 1) return fair_hrtick_stop(rq);
  FairHrtick& timer = rq.fair.hrtick;
  timer.rq = &rq;
  const Instant due = rq_clock(rq) + time_to_end(*q.curr);
  const Duration moved = due - timer.due;
  timer.wanted = true;
  if (timer.pending && moved <= kSlack && kSlack * -1 <= moved) return;
  timer.due = due;
  if (timer.pending && !port::timer_cancel(timer)) return; // its function is at the lock and will find `due`
  timer.pending = true;
  port::timer_start(timer, due);
}

void fair_hrtick_stop(Rq& rq) {
  FairHrtick& timer = rq.fair.hrtick;
  timer.wanted = false;
  if (timer.pending && rq.cpu == port::this_cpu() && port::timer_cancel(timer)) timer.pending = false;
}

void fair_hrtick_fired(port::Timer& timer) {
  FairHrtick& self = static_cast<FairHrtick&>(timer);
  Rq& rq = *self.rq;
  const RqLock guard(rq);
  update_rq_clock(rq);
  self.pending = false;
  if (!self.wanted) return;
  if (rq_clock(rq).is_before(self.due)) {
    self.pending = true;
    port::timer_start(self, self.due);
    return;
  }
  self.wanted = false;
  Task& donor = *rq.donor;
  if (donor.sched_class == &fair_sched_class) donor.sched_class->task_tick(rq, donor, Tick::kHrtick);
}

} // namespace runnel::sched
