// SPDX-License-Identifier: Apache-2.0
#include "sched/balance/newidle_rules.hpp"

#include <algorithm>

namespace runnel::sched {
namespace {

constexpr u32 kScale = 1024;
constexpr Duration kMostCost = 500'200_ns; // a wake-up shall not be late because of one slow call

} // namespace

u32 newidle_draw(const SchedDomain& sd, u32 draw) {
  const u32 chances = 1 + sd.newidle_ratio;
  return draw > chances ? 0 : (kScale + chances / 2) / chances;
}

void newidle_count(SchedDomain& sd, u32 success, Instant now, const Features& switches) {
  ++sd.newidle_call;
  sd.newidle_success += success;
  if (sd.newidle_call < kScale) return;
  const Duration elapsed = now - sd.newidle_stamp;
  sd.newidle_stamp = now;
  const u64 rare = switches.ni_rate && elapsed.ns > 0 ? static_cast<u64>(elapsed.ns) >> 22 : 0;
  sd.newidle_ratio = static_cast<u32>(std::min<u64>(kScale, sd.newidle_success + rare));
  sd.newidle_call /= 2;
  sd.newidle_success /= 2;
}

bool newidle_note_cost(SchedDomain& sd, Duration cost, Instant now) {
  if (cost > sd.max_newidle_cost) {
    sd.max_newidle_cost = std::min(cost, kMostCost);
    sd.last_cost_decay = now;
    return true;
  }
  if ((now - sd.last_cost_decay) <= 1_s) return false;
  sd.max_newidle_cost = sd.max_newidle_cost * 253 / 256;
  sd.last_cost_decay = now;
  return true;
}

} // namespace runnel::sched
