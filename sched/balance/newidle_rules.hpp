// SPDX-License-Identifier: Apache-2.0
// Whether newly-idle balancing in a domain is worth its cost (spec 3.12, F34). Pure: works on one domain's
// own counters.
#pragma once

#include <sched/domain.hpp>
#include <sched/features.hpp>

namespace runnel::sched {

/// A draw (below 1024) against the domain's success ratio: 0 means do not run; else what a success weighs.
u32 newidle_draw(const SchedDomain& sd, u32 draw);
/// A call ended, `success` weighted or 0. At 1024 calls the ratio is computed anew; rare calls raise it
/// (NI_RATE).
void newidle_count(SchedDomain& sd, u32 success, Instant now, const Features& switches);
/// What it took; a longer one is remembered, an old maximum fades by 3/256 a second. True: it changed.
bool newidle_note_cost(SchedDomain& sd, Duration cost, Instant now);

} // namespace runnel::sched
