// SPDX-License-Identifier: Apache-2.0
// Looks at the groups of a domain and at the CPUs of the busiest one. Without locks: everything read is a
// hint, checked again by who takes tasks.
#include "sched/balance/env.hpp"
#include "sched/balance/load.hpp"

#include <sched/features.hpp>

namespace runnel::sched {
namespace {

struct Survey {
  GroupStats local;
  GroupStats busiest;
  const SchedGroup* busiest_group = nullptr;
  u64 load = 0;
  u64 capacity = 0;
  u64 util = 0;
  bool overloaded = false; // some CPU has several tasks
};

GroupStats look_at(const Attempt& a, const SchedGroup& group, Survey& survey) {
  GroupStats s;
  for (const CpuId cpu : *group.cpus & a.cpus) { // without those that turned out to have nothing movable
    const Rq& rq = cpu_rq(cpu);
    const QueueLoad& q = rq.balance.load;
    const u32 delayed = q.nr_delayed.load(std::memory_order_relaxed);
    const u32 all = rq.nr_running_hint.load(std::memory_order_relaxed);
    const u32 running = all > delayed ? all - delayed : 0;
    const CpuLoad load = cpu_load(cpu);
    ++s.weight;
    s.nr_running += running;
    s.nr_fair += q.nr_runnable.load(std::memory_order_relaxed);
    s.load += load.load;
    s.runnable += load.runnable;
    s.util += load.util;
    s.capacity += kCapacityScale;
    if (running == 0 && cpu_is_idle(cpu)) ++s.idle_cpus;
    if (running > 1) survey.overloaded = true;
  }
  s.affinity_kept = group.imbalanced.load(std::memory_order_relaxed) != 0;
  s.kind = classify(s, a.sd.imbalance_pct);
  return s;
}

Survey survey_domain(const Attempt& a) {
  Survey survey;
  const SchedGroup* group = a.sd.groups; // the first one is the local one
  do {
    const GroupStats s = look_at(a, *group, survey);
    survey.load += s.load;
    survey.capacity += s.capacity;
    survey.util += s.util;
    if (group == a.sd.groups) {
      survey.local = s;
    } else if (survey.busiest_group == nullptr ? s.nr_fair != 0 : is_busier(s, survey.busiest)) {
      survey.busiest = s;
      survey.busiest_group = group;
    }
    group = group->next;
  } while (group != a.sd.groups);
  return survey;
}

/// What a full pass over a domain knows and others want to.
void publish(const Attempt& a, const Survey& survey) {
  if (a.cpus != (*a.sd.span & port::active_cpus())) return;
  if (a.sd.parent == nullptr)
    root_domain().overloaded.store(survey.overloaded ? 1 : 0, std::memory_order_relaxed);
  if (a.sd.shared == nullptr || !features.sis_util) return;
  const u32 depth = idle_scan_depth(survey.util, a.sd.weight, a.sd.imbalance_pct);
  if (a.sd.shared->nr_idle_scan.load(std::memory_order_relaxed) != depth)
    a.sd.shared->nr_idle_scan.store(depth, std::memory_order_relaxed);
}

} // namespace

bool find_busiest_group(Attempt& a, const SchedGroup*& busiest) {
  const Survey survey = survey_domain(a);
  publish(a, survey);
  busiest = survey.busiest_group;
  if (busiest == nullptr) return false;
  const DomainStats domain{.flags = a.sd.flags,
                           .imbalance_pct = a.sd.imbalance_pct,
                           .imb_numa_nr = a.sd.imb_numa_nr,
                           .prefers_siblings =
                               a.sd.child != nullptr && (a.sd.child->flags & kSdPreferSibling) != 0,
                           .load = survey.load,
                           .capacity = survey.capacity};
  a.left = find_imbalance(domain, survey.local, survey.busiest, a.who);
  return a.left.amount != 0;
}

Rq* find_busiest_queue(const Attempt& a, const SchedGroup& group) {
  Rq* busiest = nullptr;
  u64 most = 0;
  for (const CpuId cpu : *group.cpus & a.cpus) {
    Rq& rq = cpu_rq(cpu);
    const u32 tasks = rq.balance.load.nr_runnable.load(std::memory_order_relaxed);
    if (tasks == 0) continue;
    u64 value = tasks;
    if (a.left.unit == Imbalance::Unit::kLoad) {
      value = cpu_load(cpu).load;
      // One task that is more than what is to be moved would only carry the imbalance over.
      if (tasks == 1 && value > a.left.amount) continue;
    } else if (a.left.unit == Imbalance::Unit::kUtil) {
      if (tasks == 1) continue;
      value = cpu_load(cpu).util + tasks; // a full queue says nothing more by its utilisation
    }
    if (value <= most) continue;
    busiest = &rq;
    most = value;
  }
  return busiest;
}

} // namespace runnel::sched
