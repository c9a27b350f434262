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
  cbs::clear_params(se);
}

void dl_contending(Rq& rq, DlEntity& se, u32 enqueue_flags) {
  if (se.dl_runtime == 0) return;
  if ((enqueue_flags & kEnqueueMigrated) != 0) grub::add_rq_bw(rq.dl.sums, se.bw);
  if (se.non_contending) {
    se.non_contending = false; // it never became inactive
    dl_timer_disarm(se.inactive_timer);
  } else {
    grub::add_running_bw(rq.dl.sums, se.bw);
  }
}

void dl_non_contending(Rq& rq, DlEntity& se, Leaves leaves) {
  if (se.dl_runtime == 0) return; // boosted into the class
  port::assert_(!se.non_contending);
  const u64 zero_lag = cbs::zero_lag_time(se);
  if (!dl_before(zero_lag, rq_clock(rq).ns)) {
    se.non_contending = true;
    dl_timer_arm(se.inactive_timer, {zero_lag});
    return;
  }
  if (leaves == Leaves::kNo) grub::sub_running_bw(rq.dl.sums, se.bw);
  if (se.is_server()) return;
  const bool dies = (dl_task_of(se).state.load(std::memory_order_relaxed) & kDead) != 0;
  if (leaves == Leaves::kNo && !dies) return;
  if (leaves == Leaves::kNo) grub::sub_rq_bw(rq.dl.sums, se.bw);
  dl_release(rq, se);
}

void dl_change_rq_bw(Rq& rq, DlEntity& se, u64 bw) {
  if (se.non_contending) {
    grub::sub_running_bw(rq.dl.sums, se.bw);
    se.non_contending = false;
    dl_timer_disarm(se.inactive_timer);
  }
  grub::sub_rq_bw(rq.dl.sums, se.bw);
  grub::add_rq_bw(rq.dl.sums, bw);
}

} // namespace runnel::sched
