// SPDX-License-Identifier: Apache-2.0
// Which deadline parameters are possible at all, with the limits of periods in force (spec 5.2).
#include "sched/deadline/cbs.hpp"

#include <sched/deadline.hpp>
#include <sched/dl_admission.hpp>

namespace runnel::sched {
namespace {

constinit std::atomic<u32> period_min_us{cbs::PeriodLimits{}.min_us};
constinit std::atomic<u32> period_max_us{cbs::PeriodLimits{}.max_us};

} // namespace

bool dl_params_valid(const DlParams& params) {
  return cbs::params_valid(
      params, {period_min_us.load(std::memory_order_relaxed), period_max_us.load(std::memory_order_relaxed)});
}

Result<> dl_set_period_limits(u32 min_us, u32 max_us) {
  if (min_us == 0 || min_us > max_us) return err(Errno::kINVAL);
  period_min_us.store(min_us, std::memory_order_relaxed);
  period_max_us.store(max_us, std::memory_order_relaxed);
  return {};
}

} // namespace runnel::sched
