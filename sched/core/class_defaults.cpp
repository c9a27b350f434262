// SPDX-License-Identifier: Apache-2.0

// What a class does in the hooks it leaves out.
#include <sched/sched_class.hpp>

namespace runnel::sched {

void SchedClass::yield_task(Rq&) const {}
void SchedClass::wakeup_preempt(Rq&, Task&, u32) const {}
bool SchedClass::balance(Rq&, Task&) const { return false; }
void SchedClass::put_prev_task(Rq&, Task&, Task*) const {}
void SchedClass::set_next_task(Rq&, Task&, SetNext) const {}
void SchedClass::migrate_task_rq(Task&, CpuId) const {}
void SchedClass::task_woken(Rq&, Task&) const {}
void SchedClass::rq_online(Rq&) const {}
void SchedClass::rq_offline(Rq&) const {}
Rq* SchedClass::find_lock_rq(Task&, Rq&) const { return nullptr; }
void SchedClass::task_tick(Rq&, Task&, Tick) const {}
void SchedClass::task_fork(Task&) const {}
void SchedClass::task_dead(Task&) const {}
void SchedClass::switching_from(Rq&, Task&) const {}
void SchedClass::switched_from(Rq&, Task&) const {}
void SchedClass::switching_to(Rq&, Task&) const {}
void SchedClass::switched_to(Rq&, Task&) const {}
u64 SchedClass::get_prio(Rq&, Task& p) const { return static_cast<u64>(p.prio); }
void SchedClass::prio_changed(Rq&, Task&, u64) const {}
void SchedClass::reweight_task(Rq&, Task&, u32) const {}
Duration SchedClass::get_rr_interval(Rq&, Task&) const { return {}; }

void SchedClass::set_cpus_allowed(Rq&, Task& p, const CpuMask& mask) const {
  p.cpus_mask = mask;
  p.nr_cpus_allowed = mask.count();
}

void SchedClass::update_curr(Rq& rq) const { update_curr_common(rq); }

} // namespace runnel::sched
