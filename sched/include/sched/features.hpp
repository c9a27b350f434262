// SPDX-License-Identifier: Apache-2.0
// Switches of the scheduler under the reference's names (spec 0). Read without a lock; change them at boot or
// between runs.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::sched {

/// What proxy execution does with an owner on another CPU (spec 6).
enum class ProxyLevel : u8 {
  kOneCpu,     // the waiter really blocks
  kMove,       // the waiter goes to the owner's CPU, and returns when it is picked there
  kWakeReturn, // and its waker takes it back already
};

struct Features {
  bool place_lag = true;
  bool place_deadline_initial = true;
  bool place_rel_deadline = true;
  bool run_to_parity = true;
  bool preempt_short = true;
  bool next_buddy = false;
  bool pick_buddy = true;
  bool cache_hot_buddy = true;
  bool delay_dequeue = true;
  bool delay_zero = true;
  bool wakeup_preemption = true;
  bool hrtick = false;
  bool hrtick_dl = true;
  bool nontask_capacity = true;
  bool ttwu_queue = true;
  bool sis_util = true;
  bool rt_push_ipi = false; // ours: pull directly (spec 10)
  bool attach_age_load = true;
  bool wa_idle = true;
  bool wa_weight = true;
  bool wa_bias = true;
  bool util_est = true;
  bool ni_random = true;
  bool ni_rate = true;
  bool proxy_exec = false; // boot switch `sched_proxy_exec=`
  ProxyLevel proxy_level = ProxyLevel::kWakeReturn;
  bool lazy_preempt = false; // boot switch `preempt=lazy`
};

extern Features features;

} // namespace runnel::sched
