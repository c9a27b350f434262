// SPDX-License-Identifier: Apache-2.0
// Who executes for a picked task that waits for a mutex (spec 6).
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// `donor` was picked and is rq.donor; task_is_blocked(donor). The task that is to execute on its behalf;
/// rq.idle: run that once, with its need_resched left set; nullptr: pick again. In the last two cases the rq
/// lock may have been dropped, the donor is the idle thread if it was, and callbacks are to be zapped.
Task* find_proxy_task(Rq& rq, Task& donor) REQUIRES(rq.lock);

} // namespace runnel::sched
