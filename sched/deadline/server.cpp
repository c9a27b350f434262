// SPDX-License-Identifier: Apache-2.0
// The servers of a runqueue (spec 5.8): what their state machine decides is done here to the queue, the timer
// and the sums.
#include "sched/deadline/deadline.hpp"
#include "sched/deadline/server_rules.hpp"

namespace runnel::sched {
namespace {

constexpr DlParams kDefault{
    .runtime = 50'000'000, .deadline = 1'000'000'000, .period = 1'000'000'000, .flags = 0};
constexpr u64 kPeriodLeast = 100'000;
constexpr u64 kPeriodMost = u64{4194304} * 1000;

/// Someone here runs after `se`, or nobody of the class runs.
void resched_for(Rq& rq, const DlEntity& se) REQUIRES(rq.lock) {
  const DlEntity* runs = dl_runs_by(*rq.donor);
  if (runs == nullptr || dl_earlier(se, *runs)) resched_curr(rq);
}

void apply(Rq& rq, DlEntity& se, const server_rules::Step& step) REQUIRES(rq.lock) {
  using Step = server_rules::Step;
  const bool was_queued = se.is_queued();
  if (!was_queued && step.is_nothing()) return;
  if (step.queue != Step::Queue::kKeep) dl_remove(rq, se);
  if (step.queue == Step::Queue::kEnqueue) {
    dl_insert(rq, se);
    ++se.nr_activations;
    trace_dl(trace::EventType::kDlReplenish, se);
    resched_for(rq, se);
  }
  // Whoever ran by the server's leave gives way, perhaps to a task that waits on another CPU.
  if (was_queued && (!dl_is_first(rq, se) || rq.dl.wants_pull)) resched_curr(rq);
  if (step.timer == Step::Timer::kArm) dl_timer_arm(se.replenish_timer, {step.due});
  if (step.timer == Step::Timer::kDisarm) dl_timer_disarm(se.replenish_timer);
}

void charge(Rq& rq, DlEntity& se, Duration delta, server_rules::ChargedBy by) REQUIRES(rq.lock) {
  if (!se.active || delta.ns <= 0) return;
  const bool ran = se.is_queued();
  if (!ran && server_rules::charge_within(se, static_cast<u64>(delta.ns), by)) return;
  apply(rq, se, server_rules::charge(se, static_cast<u64>(delta.ns), by, rq_clock(rq).ns));
  if (ran && !se.is_queued()) trace_dl(trace::EventType::kDlThrottle, se);
}

void start(Rq& rq, DlEntity& se) REQUIRES(rq.lock) {
  if (se.server.pick == nullptr || se.active || se.dl_runtime == 0 || rq.balance_push) {
    se.defer_idle = false;
    return;
  }
  if (rq.donor == rq.idle) rq.donor->sched_class->update_curr(rq); // the idle time so far is not the server's
  const server_rules::Step step = server_rules::start(se, rq_clock(rq).ns);
  dl_contending(rq, se);
  trace_dl(trace::EventType::kDlServerStart, se);
  apply(rq, se, step);
}

void init(Rq& rq, DlEntity& se, const DlParams& params) REQUIRES(rq.lock) {
  se.server.rq = &rq;
  cbs::set_params(se, params);
  dl_count(rq, se, Counted::kInactive);
}

} // namespace

void dl_init_rq(Rq& rq) {
  init(rq, rq.dl.fair_server, kDefault);
  rq.dl.fair_server.server.pick = [](Rq& of)
                                      NO_THREAD_SAFETY_ANALYSIS { return fair_sched_class.pick_task(of); };
  init(rq, rq.dl.ext_server, kDefault); // its bandwidth is held for it whether or not there are such tasks
}

DlEntity& dl_server_of(Rq& rq, DlServerKind kind) {
  return kind == DlServerKind::kFair ? rq.dl.fair_server : rq.dl.ext_server;
}

void dl_server_set_pick(Rq& rq, DlServerKind kind, Pick (*pick)(Rq& rq)) {
  dl_server_of(rq, kind).server.pick = pick;
}

void dl_server_start(Rq& rq, DlServerKind kind) { start(rq, dl_server_of(rq, kind)); }

void dl_server_stop(Rq& rq, DlEntity& se) {
  if (!se.active) return;
  trace_dl(trace::EventType::kDlServerStop, se);
  apply(rq, se, server_rules::stop(se));
  dl_non_contending(rq, se);
}

void dl_server_charge(Rq& rq, DlServerKind kind, Duration delta) {
  charge(rq, dl_server_of(rq, kind), delta, server_rules::ChargedBy::kClass);
}

void dl_servers_charge_idle(Rq& rq, Duration delta) {
  charge(rq, rq.dl.fair_server, delta, server_rules::ChargedBy::kIdle);
  charge(rq, rq.dl.ext_server, delta, server_rules::ChargedBy::kIdle);
}

void dl_servers_stop(Rq& rq) {
  dl_server_stop(rq, rq.dl.fair_server);
  dl_server_stop(rq, rq.dl.ext_server);
}

void dl_server_timer(DlTimer& timer) {
  DlEntity& se = timer.owner;
  Rq& rq = *se.server.rq;
  const RqLock guard(rq);
  update_rq_clock(rq);
  if (!dl_timer_taken(timer, rq_clock(rq)) || !se.active) return;
  rq.donor->sched_class->update_curr(rq); // what ran in the background may make the server unnecessary
  if (timer.wanted) return;               // so it did
  const server_rules::Step step = server_rules::fire(se, rq_clock(rq).ns);
  apply(rq, se, step);
  if (se.active) return;
  trace_dl(trace::EventType::kDlServerStop, se);
  dl_non_contending(rq, se);
}

DlServerParams dl_server_params(CpuId cpu, DlServerKind kind) {
  Rq& rq = cpu_rq(cpu);
  const RqLock guard(rq);
  const DlEntity& se = dl_server_of(rq, kind);
  return {se.dl_runtime, se.dl_period};
}

Result<> dl_server_set_params(CpuId cpu, DlServerKind kind, const DlServerParams& params) {
  if (params.period < kPeriodLeast || params.period > kPeriodMost || params.runtime > params.period)
    return err(Errno::kINVAL);
  Rq& rq = cpu_rq(cpu);
  DlEntity& se = dl_server_of(rq, kind);
  const u64 bw = cbs::to_ratio(params.period, params.runtime);
  const RqLock guard(rq);
  update_rq_clock(rq);
  {
    DlBw& domain = rq.rd->dl_bw;
    const port::IrqLockGuard account(domain.lock);
    const u64 old_bw = rq.dl.servers_admitted ? se.bw : 0;
    if (domain.account.overflows(dl_capacity(), old_bw, bw)) return err(Errno::kBUSY);
    if (rq.dl.servers_admitted) {
      domain.account.sub(old_bw);
      domain.account.add(bw);
    }
    dl_account_changed(domain);
  }
  // One that was disabled is not active although its class has tasks, whose first one it has missed.
  const bool has_tasks = se.active || (kind == DlServerKind::kFair && rq.fair.nr_queued != 0);
  dl_server_stop(rq, se);
  cbs::set_params(
      se, {.runtime = params.runtime, .deadline = params.period, .period = params.period, .flags = 0});
  dl_recount(rq, se);
  se.runtime = 0;
  se.deadline = 0;
  se.defer_running = false;
  if (has_tasks) start(rq, se);
  return {};
}

} // namespace runnel::sched
