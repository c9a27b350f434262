// SPDX-License-Identifier: Apache-2.0
// The fair class: a tick at the end of a stint instead of some milliseconds later (spec 1.13).
#include "sched/core/hrtick.hpp"
#include "sched/fair/fair.hpp"
#include "sched/fair/wide.hpp"

namespace runnel::sched {
namespace {

/// Execution time, rounded up, until current has used up its protection or, past that, its request.
Duration time_to_end(const FairEntity& se) {
  const u64 end = eevdf::is_protected(se) ? se.vprot : se.deadline;
  const i64 left = static_cast<i64>(end - se.vruntime);
  if (left <= 0) return {};
  return Duration{wide::mul_div(left, se.weight, kNice0Load) + 1};
}

} // namespace

void fair_hrtick_update(Rq& rq) {
  if (!features.hrtick || rq.cpu != port::this_cpu()) return;
  const EevdfQueue& q = rq.fair.eevdf;
  if (q.curr == nullptr || !q.curr->on_rq || q.nr_queued <= 1) return fair_hrtick_stop(rq);
  hrtick_start(rq, rq.fair.hrtick, time_to_end(*q.curr));
}

void fair_hrtick_stop(Rq& rq) { hrtick_stop(rq.fair.hrtick); }

void fair_hrtick_fired(port::Timer& timer) {
  Hrtick& self = static_cast<Hrtick&>(timer);
  Rq& rq = *self.rq;
  const RqLock guard(rq);
  update_rq_clock(rq);
  if (!hrtick_taken(self, rq_clock(rq))) return;
  Task& donor = *rq.donor;
  if (donor.sched_class == &fair_sched_class) donor.sched_class->task_tick(rq, donor, Tick::kHrtick);
}

} // namespace runnel::sched
