// SPDX-License-Identifier: Apache-2.0
// Does a woken task preempt the current one of the fair class (spec 3.9)? Over the queue alone, so that the
// tests of the order of these rules need no machine.
#pragma once

#include "sched/fair/eevdf.hpp"

#include <sched/prio.hpp>

namespace runnel::sched::eevdf {

enum class WakeKind { kFork, kOther };
struct Waking {
  Policy current_policy;
  Policy policy;
  WakeKind kind;
};

/// True: the current entity shall make way for `woken`, which is queued. `charge()` brings the current one up
/// to date; `pick(protection)` is who would run now, nullptr when nobody is left.
template <typename Charge, typename PickEntity>
bool wakeup_preempts(EevdfQueue& q, FairEntity& woken, const Waking& wake, const Rules& rules, Charge charge,
                     PickEntity pick) {
  FairEntity& curr = *q.curr;
  const auto preempt_short = [&] {
    cancel_protection(curr);
    q.next = nullptr;
    return true;
  };
  const bool curr_idles = wake.current_policy == Policy::kIdle;
  const bool woken_idles = wake.policy == Policy::kIdle;
  if (curr_idles && !woken_idles) return preempt_short();
  if (woken_idles || wake.policy == Policy::kBatch) return false;

  charge();
  const bool is_short = rules.switches.preempt_short && woken.slice < curr.slice;
  if (!is_short) {
    if (wake.kind == WakeKind::kFork || woken.delayed) return false;
    if (rules.switches.next_buddy) q.next = &woken;
  }
  if (pick(is_short ? Protection::kIgnored : Protection::kApplies) == &woken)
    return is_short ? preempt_short() : true;
  if (rules.switches.run_to_parity) shrink_protection(q);
  return false;
}

} // namespace runnel::sched::eevdf
