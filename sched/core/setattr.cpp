// SPDX-License-Identifier: Apache-2.0

// sched_setattr: rows 9 to 18 of the table of checks (spec 5.10), then the change (spec 2.2).
#include "sched/core/affinity.hpp"
#include "sched/core/attr_rights.hpp"

#include <sched/attr.hpp>
#include <sched/dl_admission.hpp>
#include <sched/fair_params.hpp>
#include <sched/pi.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

DlParams dl_params_of(const SchedAttr& attr) {
  return {attr.runtime, attr.deadline, attr.period, attr.flags & (kSchedFlagReclaim | kSchedFlagDlOverrun)};
}

/// KEEP_PARAMS: the request is for the task's present parameters.
void load_current_params(const Task& p, SchedAttr& attr) {
  if (is_dl_policy(p.policy)) {
    const DlParams params = dl_get_params(p);
    attr.runtime = params.runtime;
    attr.deadline = params.deadline;
    attr.period = params.period;
    attr.flags |= params.flags;
  } else if (is_rt_policy(p.policy)) {
    attr.priority = p.rt_priority;
  } else {
    attr.nice = p.nice();
    attr.runtime = fair_slice(p);
  }
}

/// Row 15. For fair tasks the slice counts as well as the nice value.
bool changes_nothing(const Task& p, const SchedAttr& attr, Policy policy) {
  if (policy != p.policy) return false;
  if (is_fair_policy(policy)) return attr.nice == p.nice() && attr.runtime == fair_slice(p);
  if (is_rt_policy(policy)) return attr.priority == p.rt_priority;
  return !dl_params_differ(p, dl_params_of(attr));
}

i32 normal_prio(Policy policy, u32 rt_priority, i32 static_prio) {
  if (is_dl_policy(policy)) return kDlPrio;
  if (is_rt_policy(policy)) return rt_to_prio(rt_priority);
  return static_prio;
}

/// Stores the new parameters of `p`, which is off its queue.
void store_params(Task& p, Policy policy, const SchedAttr& attr) {
  p.policy = policy;
  if (is_dl_policy(policy)) {
    dl_set_params(p, dl_params_of(attr));
  } else if (is_fair_policy(policy)) {
    p.static_prio = nice_to_prio(attr.nice);
    fair_set_slice(p, attr.runtime);
  }
  p.rt_priority = attr.priority;
  p.normal_prio = normal_prio(policy, p.rt_priority, p.static_prio);
}

enum class Outcome { kDone, kAgain };

Result<Outcome> change_locked(Task& p, SchedAttr attr, Policy checked_policy, Rq& rq) REQUIRES(rq.lock) {
  update_rq_clock(rq);
  if (&p == rq.stop) return err(Errno::kINVAL);
  const bool keep_policy = (attr.flags & kSchedFlagKeepPolicy) != 0;
  const Policy policy = checked_policy;
  if (keep_policy && policy != p.policy) return Outcome::kAgain; // row 17
  if ((attr.flags & kSchedFlagKeepParams) != 0 || changes_nothing(p, attr, policy)) {
    p.reset_on_fork = (attr.flags & kSchedFlagResetOnFork) != 0;
    return Outcome::kDone;
  }
  if (is_dl_policy(policy))
    if (const Result<> ok = dl_check_entry(p); !ok) return err(ok.error()); // row 16
  if ((is_dl_policy(policy) || is_dl_policy(p.policy)) && !dl_admit(rq, p, policy, dl_params_of(attr)))
    return err(Errno::kBUSY); // row 18

  const i32 old_prio = p.prio;
  const i32 new_normal = normal_prio(policy, attr.priority, nice_to_prio(attr.nice));
  const i32 new_prio = pi_effective_prio(p, new_normal);
  {
    SchedChange change(rq, p, class_of(policy, new_prio), kFlagSave | kFlagMove);
    p.reset_on_fork = (attr.flags & kSchedFlagResetOnFork) != 0;
    store_params(p, policy, attr);
    p.prio = pi_effective_prio(p, p.normal_prio);
    p.dl.pi_se = pi_lender(p, p.prio); // what was not worth lending to a deadline task may be now
    if (old_prio < p.prio) change.enqueue_at_head();
  }
  return Outcome::kDone;
}

Result<Outcome> try_change(Task& p, SchedAttr attr, const SchedRights& rights) NO_THREAD_SAFETY_ANALYSIS {
  DeferredCallbacks callbacks;
  const port::IrqLockGuard pi(p.pi_lock);
  if ((attr.flags & kSchedFlagKeepPolicy) != 0) attr.policy = static_cast<u32>(p.policy);
  if ((attr.flags & kSchedFlagKeepParams) != 0) load_current_params(p, attr);
  if (const Result<> ok = check_sched_attr(attr); !ok) return err(ok.error());
  if (const Result<> ok = check_sched_rights(p, attr, rights); !ok) return err(ok.error());
  if ((attr.flags & kSchedFlagInternal) != 0) return err(Errno::kINVAL);
  if ((attr.flags & (kSchedFlagUtilClampMin | kSchedFlagUtilClampMax)) != 0) return err(Errno::kOPNOTSUPP);
  const Result<Outcome> outcome = [&]() NO_THREAD_SAFETY_ANALYSIS {
    TaskRqLock locked(p);
    Rq& rq = locked.rq();
    const Result<Outcome> done = change_locked(p, attr, static_cast<Policy>(attr.policy), rq);
    callbacks.take(rq);
    return done;
  }();
  leave_inactive_cpu(p);
  return outcome;
}

} // namespace

Result<> sched_setattr(Task& p, const SchedAttr& attr, const SchedRights& rights) {
  SchedAttr wanted = attr;
  wanted.nice = wanted.nice < kMinNice ? kMinNice : wanted.nice > kMaxNice ? kMaxNice : wanted.nice;
  for (;;) {
    const Result<Outcome> outcome = try_change(p, wanted, rights);
    if (!outcome) return err(outcome.error());
    if (*outcome == Outcome::kDone) break;
    port::relax();
  }
  pi_adjust_chain(p); // who waits behind p may have to lend more or less now
  return {};
}

Result<> set_user_nice(Task& p, i32 nice, const SchedRights& rights) NO_THREAD_SAFETY_ANALYSIS {
  nice = nice < kMinNice ? kMinNice : nice > kMaxNice ? kMaxNice : nice;
  DeferredCallbacks callbacks;
  const port::IrqLockGuard pi(p.pi_lock);
  if (!may_set_nice(p, nice, rights)) return err(Errno::kACCES);
  TaskRqLock locked(p);
  Rq& rq = locked.rq();
  update_rq_clock(rq);
  if (!is_fair_policy(p.policy)) { // stored, without effect while the task is rt or deadline
    p.static_prio = nice_to_prio(nice);
    return {};
  }
  {
    const SchedChange change(rq, p, *p.sched_class, kFlagSave);
    p.static_prio = p.normal_prio = nice_to_prio(nice);
    p.prio = pi_effective_prio(p, p.normal_prio);
  }
  callbacks.take(rq);
  return {};
}

} // namespace runnel::sched
