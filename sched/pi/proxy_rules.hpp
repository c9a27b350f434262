// SPDX-License-Identifier: Apache-2.0
// The table of spec 6: what is found at one element of the chain of waiters, and what follows. Pure.
#pragma once

#include <sched/features.hpp>

namespace runnel::sched::proxy {

enum class BlockedOn { kNothing, kMutex, kWaking };

/// The owner of the mutex the element waits for, as seen from the CPU that picks.
enum class Owner {
  kNone,
  kOff,           // not queued, or its dequeue is delayed, or on another CPU that goes down
  kElsewhere,     // on another CPU
  kMigratingHere, // on its way to this CPU
  kMoved,         // seen here at first, not any more
  kSelf,          // the element itself
  kHere,
};

/// What is found at element p.
struct Finding {
  BlockedOn blocked_on = BlockedOn::kNothing;
  bool changed = false;        // what p waits for is another thing now that the locks are held
  bool executes = false;       // p is the task that executes on this CPU
  bool chain_executes = false; // p or one before it is
  Owner owner = Owner::kNone;
};

enum class Action {
  kRun,         // p executes
  kClearAndRun, // p waits no longer, and executes
  kReturn,      // p goes back to where it may run; pick again
  kPickAgain,
  kIdleOnce,   // the idle thread executes, and the next schedule() looks again
  kBlockDonor, // the donor really blocks; pick again. If its state is kRunning already: as kReturn
  kMove,       // p goes to the owner's CPU; pick again
  kFollow,     // on to the owner
};

constexpr Action action_for(const Finding& f, ProxyLevel level) {
  if (f.blocked_on == BlockedOn::kNothing) return Action::kRun;
  if (f.blocked_on == BlockedOn::kWaking) return f.executes ? Action::kClearAndRun : Action::kReturn;
  if (f.changed) return Action::kPickAgain;
  switch (f.owner) {
  case Owner::kNone:
    return f.executes ? Action::kClearAndRun : Action::kReturn;
  case Owner::kOff:
    return f.chain_executes ? Action::kIdleOnce : Action::kBlockDonor;
  case Owner::kElsewhere:
    if (f.chain_executes) return Action::kIdleOnce;
    return level == ProxyLevel::kOneCpu ? Action::kBlockDonor : Action::kMove;
  case Owner::kMigratingHere:
  case Owner::kSelf:
    return Action::kIdleOnce;
  case Owner::kMoved:
    return Action::kPickAgain;
  case Owner::kHere:
    return Action::kFollow;
  }
  return Action::kPickAgain;
}

} // namespace runnel::sched::proxy
