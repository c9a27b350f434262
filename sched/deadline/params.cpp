// SPDX-License-Identifier: Apache-2.0
// A deadline task's parameters and its admission (spec 5.2, 5.5), the limits, and unplugging of CPUs.
#include "sched/deadline/deadline.hpp"

#include <sched/dl_admission.hpp>
#include <sched/topology.hpp>

namespace runnel::sched {
namespace {

u64 bandwidth(const DlParams& params) {
  return cbs::to_ratio(params.period != 0 ? params.period : params.deadline, params.runtime);
}

/// What of the account belongs to `p` and is replaced by what it asks for. A share that is held until the
/// 0-lag time of an earlier stay counts beside it (spec 5.5).
u64 replaced_bw(const Task& p) { return is_dl_policy(p.policy) ? p.dl.bw : 0; }

CpuMask domain_cpus(const Task& p) { return task_rq(p).rd->online.load() & port::active_cpus(); }

} // namespace

DlParams dl_get_params(const Task& p) {
  if (!is_dl_policy(p.policy)) return {};
  return {p.dl.dl_runtime, p.dl.dl_deadline, p.dl.dl_period, p.dl.flags};
}

bool dl_params_differ(const Task& p, const DlParams& params) {
  DlEntity wanted;
  cbs::set_params(wanted, params);
  return p.dl.dl_runtime != wanted.dl_runtime || p.dl.dl_deadline != wanted.dl_deadline ||
         p.dl.dl_period != wanted.dl_period || p.dl.flags != wanted.flags;
}

void dl_set_params(Task& p, const DlParams& params) { cbs::set_params(p.dl, params); }

bool dl_admission_on() {
  DlBw& domain = root_domain().dl_bw;
  const port::IrqLockGuard guard(domain.lock);
  return domain.account.is_limited();
}

Result<> dl_check_entry(const Task& p) {
  DlBw& domain = task_rq(p).rd->dl_bw;
  u64 limit;
  {
    const port::IrqLockGuard guard(domain.lock);
    if (!domain.account.is_limited()) return {};
    limit = domain.account.limit();
  }
  if (limit == 0 || !p.cpus_ptr->contains(domain_cpus(p))) return err(Errno::kPERM);
  return {};
}

Result<> dl_check_mask(const Task& p, const CpuMask& mask) {
  if (!is_dl_policy(p.policy) || !dl_admission_on() || mask.contains(domain_cpus(p))) return {};
  return err(Errno::kBUSY);
}

u64 dl_missing_bandwidth(const Task& p, const DlParams& params) {
  DlBw& domain = task_rq(p).rd->dl_bw;
  const port::IrqLockGuard guard(domain.lock);
  return domain.account.missing(dl_capacity(), replaced_bw(p), bandwidth(params));
}

bool dl_admit(Rq& rq, Task& p, Policy policy, const DlParams& params) {
  const bool is_dl = is_dl_policy(p.policy);
  if (!is_dl_policy(policy)) return true; // switched_from gives its share back at the right time
  const u64 bw = bandwidth(params);
  if (is_dl && bw == p.dl.bw) return true;
  {
    DlBw& domain = rq.rd->dl_bw;
    const port::IrqLockGuard guard(domain.lock);
    if (domain.account.overflows(dl_capacity(), replaced_bw(p), bw)) return false;
    // Of an earlier stay it may still hold a share: its timer will not come to release that any more.
    if (is_dl || p.dl.inactive_timer.wanted) domain.account.sub(p.dl.bw);
    domain.account.add(bw);
    dl_account_changed(domain);
  }
  if (!is_dl) dl_timer_disarm(p.dl.inactive_timer);
  return true; // the change that follows counts it anew in the sums of its rq
}

Result<> dl_set_limit(u64 period_us, i64 runtime_us) {
  DlBw& domain = root_domain().dl_bw;
  const port::IrqLockGuard guard(domain.lock);
  if (const Result<> set = domain.account.set_limit(period_us, runtime_us, port::active_cpus().count()); !set)
    return set;
  dl_account_changed(domain);
  return {};
}

DlLimit dl_limit() {
  DlBw& domain = root_domain().dl_bw;
  const port::IrqLockGuard guard(domain.lock);
  return {domain.account.period_us(), domain.account.runtime_us(), domain.account.limit(),
          domain.account.total()};
}

bool dl_may_lose_cpu(CpuId cpu) {
  Rq& rq = cpu_rq(cpu);
  const RqLock locked(rq);
  DlBw& domain = rq.rd->dl_bw;
  const port::IrqLockGuard guard(domain.lock);
  // Its own servers will have nobody to serve.
  const u64 servers = rq.dl.servers_admitted ? rq.dl.fair_server.bw + rq.dl.ext_server.bw : 0;
  if (domain.account.total() == servers) return true;
  const u32 others = port::active_cpus().count() - 1;
  return others != 0 && !domain.account.overflows(dl_capacity() - DlBandwidth::kFullCpu, servers, 0);
}

} // namespace runnel::sched
