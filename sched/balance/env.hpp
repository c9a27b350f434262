// SPDX-License-Identifier: Apache-2.0
// One attempt to balance one domain on behalf of one CPU (spec 3.12): what its parts tell each other.
#pragma once

#include "sched/balance/groups.hpp"

#include <sched/rq.hpp>

namespace runnel::sched {

using MovedTasks = List<FairEntity, &FairEntity::all_node>;

struct Attempt {
  Attempt(CpuId for_cpu, SchedDomain& domain, Balancer balancer)
      : dst(for_cpu), sd(domain), who(balancer), cpus(*domain.span & port::active_cpus()) {}

  CpuId dst;
  SchedDomain& sd;
  Balancer who;
  CpuMask cpus; // sources that are still worth a look
  Rq* src = nullptr;
  Imbalance left; // what is still to be moved

  bool only_pinned = true;   // no task was seen that may run on dst
  bool some_pinned = false;  // some may not
  bool active = false;       // the stopper moves who ran: a warm cache does not count
  CpuId other_dst{kMaxCpus}; // a CPU of the local group that a task which may not run on dst may use
  MovedTasks moved;          // off their queue, on_rq MIGRATING
  u32 nr_moved = 0;

  BalanceCounts& counts() const { return sd.counts.balance[static_cast<u32>(who)]; }
};

/// Groups of a domain, seen from a.dst. True: `busiest` has something to give, and a.left says how much.
bool find_busiest_group(Attempt& a, const SchedGroup*& busiest);
/// The CPU of `group` to take from; nullptr: none.
Rq* find_busiest_queue(const Attempt& a, const SchedGroup& group);

/// Takes tasks off a.src for a.dst, at most what a.left says and 32 (spec 3.12 detach). src is locked.
void detach_tasks(Attempt& a);
/// Exactly one, whatever a.left says.
void detach_one_task(Attempt& a);
/// Puts what was taken on a.dst; one section of its lock. Interrupts off, no rq lock held.
void attach_tasks(Attempt& a);

/// Balances `sd` for `cpu`, whose domain it is; the caller is its balancer (BalanceState::busy). Interrupts
/// off, no rq lock held. Returns tasks moved; `go_on` becomes false when somebody else does this domain.
enum class GoOn { kYes, kNo };
u32 balance_domain(CpuId cpu, SchedDomain& sd, Balancer who, GoOn& go_on);

/// Asks the stopper of `src` to send the task that runs there to `dst`; locked. False: not possible now.
bool push_running_task(Rq& src, CpuId dst);

} // namespace runnel::sched
