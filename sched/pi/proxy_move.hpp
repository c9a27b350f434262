// SPDX-License-Identifier: Apache-2.0
// Moving the waiters of proxy execution: to where the owner is, and back to where they may execute (spec 6).
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// Neither rq.donor nor the class's idea of who runs refers to the picked task any more: the moment it leaves
/// the queue or the lock is dropped another CPU may have it.
void make_idle_the_donor(Rq& rq) REQUIRES(rq.lock);

/// Takes the whole scheduling context of `p`, queued on rq and not executing, to `cpu`, where it may not be
/// allowed to execute: its wake_cpu stays. Drops the lock.
void move_donor(Rq& rq, Task& p, CpuId cpu) REQUIRES(rq.lock);

/// From the picker of rq's CPU: `p` goes back to where it may execute. Placing needs pi_lock, which is
/// further out: drops the lock.
void return_donor(Rq& rq, Task& p) REQUIRES(rq.lock);

/// The donor really sleeps. False: it may run already, and must not be put to sleep.
bool block_donor(Rq& rq, Task& donor) REQUIRES(rq.lock);

/// The third level, for a waker: `p`, still on rq, owns its mutex now and neither executes nor lends its
/// context to one who does. True: it has been taken off, for place_returned(). pi_lock.
bool take_off_to_return(Rq& rq, Task& p) REQUIRES(rq.lock);

/// `p` was taken off a queue as kMigrating: to a CPU where it may execute, and it waits no more. pi_lock
/// held, no rq lock.
void place_returned(Task& p);

} // namespace runnel::sched
