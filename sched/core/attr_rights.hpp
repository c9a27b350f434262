// SPDX-License-Identifier: Apache-2.0

// Who may change which attribute (spec 5.10 "Permission").
#pragma once

#include <sched/attr.hpp>

namespace runnel::sched {

/// EPERM. p.pi_lock held.
Result<> check_sched_rights(const Task& p, const SchedAttr& attr, const SchedRights& rights);
/// Raising nice is free; lowering it needs the right or room in RLIMIT_NICE.
bool may_set_nice(const Task& p, i32 nice, const SchedRights& rights);

} // namespace runnel::sched
