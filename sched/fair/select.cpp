// SPDX-License-Identifier: Apache-2.0
// The fair class: a CPU for a task that wakes up, is new or calls exec (spec 3.12).
#include "sched/balance/idle_search.hpp"
#include "sched/balance/idlest.hpp"
#include "sched/balance/load.hpp"
#include "sched/fair/fair.hpp"

namespace runnel::sched {
namespace {

enum class Waker { kStays, kLeaves }; // kLeaves: it is about to sleep (sync)
enum class Choice { kWaker, kPrevious, kUndecided };

/// An idle CPU decides at once; the waker's is as good as idle when the waker is about to sleep.
Choice by_idleness(const Task& p, CpuId waker, CpuId prev, Waker sync) {
  if (is_free_for(p, waker) && cpus_share_cache(waker, prev))
    return is_free_for(p, prev) ? Choice::kPrevious : Choice::kWaker;
  if (sync == Waker::kLeaves && cpu_rq(waker).nr_running_hint.load(std::memory_order_relaxed) == 1)
    return Choice::kWaker;
  return is_free_for(p, prev) ? Choice::kPrevious : Choice::kUndecided;
}

/// Where there would be less load with `p` there.
Choice by_load(const SchedDomain& sd, const Task& p, CpuId waker, CpuId prev, Waker sync) {
  const u64 own = task_load(p);
  u64 here = cpu_load(waker).load;
  if (sync == Waker::kLeaves) { // the waker's load is about to go
    const u64 leaving = current().sched_class == &fair_sched_class ? task_load(current()) : 0;
    if (leaving > here) return Choice::kWaker;
    here -= leaving;
  }
  const u64 load = cpu_load(prev).load;
  u64 there = load > own ? load - own : 0; // it still counts where it slept
  here = (here + own) * 100;
  there *= features.wa_bias ? 100 + (sd.imbalance_pct - 100) / 2 : 100;
  if (sync == Waker::kLeaves) ++there;
  return here < there ? Choice::kWaker : Choice::kPrevious;
}

/// Spec 3.12 select (wake): the waker's CPU or the previous one, if one domain with affine wake-ups has both.
CpuId affine_target(const Task& p, CpuId waker, CpuId prev, Waker sync) {
  if (waker == prev || !is_cpu_allowed(p, waker)) return prev;
  SchedDomain* sd = cpu_domains(waker).lowest;
  while (sd != nullptr && !((sd->flags & kSdWakeAffine) != 0 && sd->span->test(prev))) sd = sd->parent;
  if (sd == nullptr) return prev;
  Choice choice = features.wa_idle ? by_idleness(p, waker, prev, sync) : Choice::kUndecided;
  if (choice == Choice::kUndecided && features.wa_weight) choice = by_load(*sd, p, waker, prev, sync);
  if (choice != Choice::kWaker) return prev;
  sd->counts.moves_affine.add();
  return waker;
}

} // namespace

CpuId FairClass::select_task_rq(Task& p, CpuId prev_cpu, u32 wake_flags) const {
  const CpuId here = port::this_cpu();
  if ((wake_flags & kWakeTtwu) == 0) {
    const u32 flag = (wake_flags & kWakeExec) != 0 ? kSdExec : kSdFork;
    return find_idlest_cpu(p, here, flag);
  }
  if ((wake_flags & kWakeCurrentCpu) != 0 && is_cpu_allowed(p, here)) return here;
  const Waker sync = (wake_flags & kWakeSync) != 0 ? Waker::kLeaves : Waker::kStays;
  return select_idle_cpu(p, prev_cpu, affine_target(p, here, prev_cpu, sync));
}

/// In a wake-up no rq lock is held, so that the load it leaves behind is only noted.
void FairClass::migrate_task_rq(Task& p, CpuId) const {
  if (p.on_rq.load(std::memory_order_relaxed) == OnRq::kNo) load_leaves_asleep(p);
}

} // namespace runnel::sched
