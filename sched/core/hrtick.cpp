// SPDX-License-Identifier: Apache-2.0
#include "sched/core/hrtick.hpp"

namespace runnel::sched {
namespace {

constexpr Duration kLeast = 10_us; // shorter is not worth an interrupt (spec 1.13)
constexpr Duration kSlack = 5_us;  // a target that moved by less is not worth arming anew

} // namespace

void hrtick_start(Rq& rq, Hrtick& timer, Duration left) {
  timer.rq = &rq;
  timer.wanted = true;
  const Instant due = rq_clock(rq) + (left < kLeast ? kLeast : left);
  const Duration moved = due - timer.due;
  if (timer.pending && moved <= kSlack && kSlack * -1 <= moved) return;
  timer.due = due;
  if (timer.pending && !port::timer_cancel(timer)) return; // its function is at the lock and will find `due`
  timer.pending = true;
  port::timer_start(timer, due);
}

void hrtick_stop(Hrtick& timer) {
  timer.wanted = false;
  if (timer.pending && port::timer_cancel(timer)) timer.pending = false;
}

bool hrtick_taken(Hrtick& timer, Instant now) {
  timer.pending = false;
  if (!timer.wanted) return false;
  if (now.is_before(timer.due)) { // it was put off while this function waited for the lock
    timer.pending = true;
    port::timer_start(timer, timer.due);
    return false;
  }
  timer.wanted = false;
  return true;
}

} // namespace runnel::sched
