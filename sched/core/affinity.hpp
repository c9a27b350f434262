// SPDX-License-Identifier: Apache-2.0

// Affinity inside the core (spec 1.16).
#pragma once

#include <sched/rq.hpp>

namespace runnel::sched {

/// A CPU for `p` when the class's answer is not allowed (A8): never fails; widens the mask and says so when
/// nothing else is left. p.pi_lock held, no rq lock.
CpuId select_fallback_rq(Task& p, CpuId cpu);

/// After a change that may have made a throttled `p` runnable where it was left, on a CPU that is down or
/// goes down (K10): it goes elsewhere. p.pi_lock held, no rq lock.
void leave_inactive_cpu(Task& p);

/// Any member of `mask`, pseudo-random so that groups spread (A4). Not when empty.
CpuId any_cpu(const CpuMask& mask);

/// One who waits until a migrate-disabled task may leave the CPU it must not be on any more; on that one's
/// stack.
struct AffinityRequest {
  Task* waiter = &current();
  AffinityRequest* next = nullptr;
  std::atomic<u32> done{0};
};

/// In the stopper of the CPU `p` (a Task*) was on when its mask changed: moves it if it is queued here and
/// must not be.
void push_from_here(void* p);

/// The last migrate_enable() of the current task `p`: gives it its mask back, leaves the CPU if that is
/// forbidden now, and tells those who waited for it. Preemption enabled; may block.
void unpin_migrate_disabled(Task& p);

} // namespace runnel::sched
