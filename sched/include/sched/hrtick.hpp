// SPDX-License-Identifier: Apache-2.0
// A tick at the end of a stint instead of some milliseconds later (spec 1.13): the timer that classes share.
#pragma once

#include <sched/port.hpp>

namespace runnel::sched {

struct Rq;

/// One class's, on one runqueue. Its function takes the rq lock first, so it may come late: `wanted` and
/// `due` tell it. rq lock.
struct Hrtick : port::Timer {
  constexpr explicit Hrtick(void (*fn)(port::Timer&)) : Timer(fn) {}
  Rq* rq = nullptr;
  Instant due;
  bool wanted = false;
  bool pending = false;
};

} // namespace runnel::sched
