// SPDX-License-Identifier: Apache-2.0
// A CPU that is about to idle looks for a waiting task, domain by domain from the nearest one, while that
// promises to cost less than its idle stretch lasts (spec 3.12 newidle).
#include "sched/balance/balance.hpp"
#include "sched/balance/env.hpp"
#include "sched/balance/holder.hpp"

#include <algorithm>

namespace runnel::sched {
namespace {

/// Delayed tasks have nothing to run.
bool has_work(const Rq& rq) REQUIRES(rq.lock) {
  return rq.nr_running != rq.fair.nr_queued - rq.fair.nr_runnable;
}

/// One domain. Returns tasks pulled; `spent` grows by what it took.
u32 pull_in(Rq& rq, SchedDomain& sd, GoOn& go_on, Duration& spent) {
  u32 weight = 1;
  if (features.ni_random) {
    weight = newidle_draw(sd, rq_random(rq) % 1024);
    if (weight == 0) {
      newidle_count(sd, 0, port::clock(), features);
      return 0;
    }
  }
  const Instant start = port::clock();
  const u32 pulled = balance_domain(rq.cpu, sd, Balancer::kNewlyIdle, go_on);
  const Instant end = port::clock();
  newidle_count(sd, pulled != 0 ? weight : 0, end, features);
  newidle_note_cost(sd, end - start, end);
  spent += end - start;
  return pulled;
}

/// Without the rq lock; this CPU's balancing is held.
void pull(Rq& rq, Duration avg_idle) {
  Duration spent;
  GoOn go_on = GoOn::kYes;
  for (SchedDomain* sd = cpu_domains(rq.cpu).lowest; sd != nullptr; sd = sd->parent) {
    if (avg_idle < spent + sd->max_newidle_cost) break;
    if ((sd->flags & kSdNewidle) == 0) continue;
    if (pull_in(rq, *sd, go_on, spent) != 0 || go_on == GoOn::kNo) break;
  }
  rq.balance.max_newidle_cost = std::max(rq.balance.max_newidle_cost, spent);
}

} // namespace

bool balance_newidle(Rq& rq) {
  if (has_work(rq)) return true;
  if (rq.ttwu_pending.load(std::memory_order_relaxed) != 0) return false; // work is on its way
  rq.idle_stamp = rq_clock(rq);
  if (!port::active_cpus().test(rq.cpu)) return false;
  const SchedDomain* nearest = cpu_domains(rq.cpu).lowest;
  if (nearest == nullptr || root_domain().overloaded.load(std::memory_order_relaxed) == 0) return false;
  if (rq.avg_idle < nearest->max_newidle_cost) return false;
  const Duration avg_idle = rq.avg_idle;
  rq_unlock(rq); // interrupts stay off
  {
    const BalanceHolder holder(rq);
    if (holder.holds()) pull(rq, avg_idle);
  }
  rq_lock(rq);
  update_rq_clock(rq);
  const bool found = has_work(rq); // pulled, or it came while the lock was free
  if (found) rq.idle_stamp = {};
  return found;
}

} // namespace runnel::sched
