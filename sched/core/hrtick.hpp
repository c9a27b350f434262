// SPDX-License-Identifier: Apache-2.0
// Arming and calling off the tick at the end of a stint (spec 1.13).
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// The tick is due once current has executed for `left` more; at once is some microseconds, and one that
/// moved by less is left where it was. Only the rq's own CPU: a timer fires where it was started.
void hrtick_start(Rq& rq, Hrtick& timer, Duration left) REQUIRES(rq.lock);
void hrtick_stop(Hrtick& timer);
/// At the head of the timer's function, once its rq's lock is held: true when it is to act.
bool hrtick_taken(Hrtick& timer, Instant now);

} // namespace runnel::sched
