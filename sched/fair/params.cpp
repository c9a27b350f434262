// SPDX-License-Identifier: Apache-2.0
// The fair class: weights, slices and what they depend on (spec 3.1, 3.10); its one object.
#include "sched/balance/load.hpp"
#include "sched/fair/fair.hpp"
#include "sched/fair/weights.hpp"

#include <sched/fair_params.hpp>

namespace runnel::sched {
namespace {

constinit const FairClass fair;

} // namespace

const SchedClass& fair_sched_class = fair;

constinit FairTunables fair_tunables;

void scale_base_slice(u32 cpus) {
  const u64 factor = slice_factor(fair_tunables.scaling.load(std::memory_order_relaxed), cpus);
  const u64 unscaled = fair_tunables.unscaled_slice.load(std::memory_order_relaxed);
  fair_tunables.base_slice.store(unscaled * factor, std::memory_order_relaxed);
}

u64 fair_slice(const Task& p) {
  // The default may have been scaled since the task last took it.
  return p.se.custom_slice ? p.se.slice : fair_tunables.base_slice.load(std::memory_order_relaxed);
}
void fair_set_slice(Task& p, u64 slice_ns) { eevdf::set_custom_slice(p.se, slice_ns, fair_rules()); }

void FairClass::reweight_task(Rq& rq, Task& p, u32 weight) const {
  if (p.se.on_rq) update_curr(rq);
  eevdf::reweight(rq.fair.eevdf, p.se, weight);
  load_changed(rq);
}

Duration FairClass::get_rr_interval(Rq& rq, Task& p) const {
  if (eevdf::total_weight(rq.fair.eevdf) == 0) return {};
  return port::kTick * (static_cast<i64>(p.se.slice) / port::kTick.ns);
}

void FairClass::rq_online(Rq&) const { scale_base_slice(port::online_cpus().count()); }
void FairClass::rq_offline(Rq&) const { scale_base_slice(port::online_cpus().count()); }

} // namespace runnel::sched
