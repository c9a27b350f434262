// SPDX-License-Identifier: Apache-2.0
// Read-copy-update, non-preemptible flavour (McKenney & Slingwine 1998): a read section is a stretch with
// preemption off; memory taken out of sight is reclaimed once every CPU has been seen outside of one.
#pragma once

#include "kernel/sync/preempt.hpp"

namespace runnel::sync {

/// A read section: what was found through RCU-protected pointers stays valid while it lives. Never blocks
/// inside.
using RcuReadGuard = PreemptGuard;

struct RcuHead {
  RcuHead* next = nullptr;
  void (*fn)(RcuHead&) = nullptr;
};

/// Returns after every read section that was going on has ended. Thread context, interrupts on, no spinlocks;
/// sleeps.
void synchronize_rcu();

/// Runs fn(head) in the RCU thread after a grace period. Any context but NMI; no lock of rank kRcu or further
/// in held.
void call_rcu(RcuHead& head, void (*fn)(RcuHead&));

/// Returns after every callback queued before has run. Thread context.
void rcu_barrier();

/// Starts the thread that runs callbacks.
void rcu_init();

/// schedule() is no place inside a read section: called there, interrupts off.
void rcu_note_context_switch();

} // namespace runnel::sync

namespace runnel {
using sync::RcuReadGuard;
}
