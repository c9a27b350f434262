// SPDX-License-Identifier: Apache-2.0
// Bandwidth as tasks and servers come, block and go: the two sums of a runqueue (spec 5.6) and what the root
// domain has admitted (spec 5.5).
#include "sched/deadline/deadline.hpp"

namespace runnel::sched {

u64 dl_capacity() { return u64{port::active_cpus().count()} * DlBandwidth::kFullCpu; }

grub::Limits dl_grub_limits(const Rq& rq) {
  const DlBw& domain = rq.rd->dl_bw;
  return {domain.max_bw.load(std::memory_order_relaxed), domain.bw_ratio.load(std::memory_order_relaxed),
          domain.extra_bw.load(std::memory_order_relaxed)};
}

void dl_account_changed(DlBw& dl_bw) {
  const u64 max_bw = dl_bw.account.max_bw();
  const u32 cpus = port::active_cpus().count();
  const u64 claimed = dl_bw.account.total() / (cpus != 0 ? cpus : 1);
  dl_bw.max_bw.store(max_bw, std::memory_order_relaxed);
  dl_bw.bw_ratio.store(dl_bw.account.bw_ratio(), std::memory_order_relaxed);
  dl_bw.extra_bw.store(max_bw > claimed ? max_bw - claimed : 0, std::memory_order_relaxed);
}

void dl_release(Rq& rq, DlEntity& se) {
  {
    DlBw& domain = rq.rd->dl_bw;
    const port::IrqLockGuard guard(domain.lock);
    domain.account.sub(se.bw);
    dl_account_changed(domain);
  }
  if (se.is_boosted())
    cbs::set_params(se, {}); // the instance is another's
  else
    cbs::clear_params(se);
}

void dl_count(Rq& rq, DlEntity& se, Counted as) {
  DlSums& sums = rq.dl.sums;
  if (se.counts_as_running) grub::sub_running_bw(sums, se.counted_bw);
  grub::sub_rq_bw(sums, se.counted_bw);
  se.counted_bw = as == Counted::kNot ? 0 : dl_bw_of(se);
  se.counts_as_running = as == Counted::kRunning;
  grub::add_rq_bw(sums, se.counted_bw);
  if (se.counts_as_running) grub::add_running_bw(sums, se.counted_bw);
}

void dl_contending(Rq& rq, DlEntity& se) {
  if (se.non_contending) { // it never became inactive
    se.non_contending = false;
    dl_timer_disarm(se.inactive_timer);
  }
  dl_count(rq, se, Counted::kRunning);
}

void dl_hold_share(Rq& rq, DlEntity& se) {
  if (se.bw == 0 || se.inactive_timer.wanted) return;
  const u64 zero_lag = cbs::zero_lag_time(se);
  if (dl_before(zero_lag, rq_clock(rq).ns))
    dl_release(rq, se);
  else
    dl_timer_arm(se.inactive_timer, {zero_lag});
}

void dl_become_inactive(Rq& rq, DlEntity& se) {
  const bool dead = !se.is_server() && (dl_task_of(se).state.load(std::memory_order_relaxed) & kDead) != 0;
  dl_count(rq, se, dead ? Counted::kNot : Counted::kInactive);
  if (dead) dl_release(rq, se);
}

void dl_non_contending(Rq& rq, DlEntity& se) {
  if (dl_bw_of(se) == 0) return; // boosted into the class, or a server without runtime
  port::assert_(!se.non_contending);
  const u64 zero_lag = cbs::zero_lag_time(se);
  if (!dl_before(zero_lag, rq_clock(rq).ns)) {
    se.non_contending = true;
    dl_timer_arm(se.inactive_timer, {zero_lag});
    return;
  }
  dl_become_inactive(rq, se);
}

void dl_recount(Rq& rq, DlEntity& se) {
  if (se.non_contending) {
    se.non_contending = false;
    dl_timer_disarm(se.inactive_timer);
  }
  dl_become_inactive(rq, se);
}

} // namespace runnel::sched
