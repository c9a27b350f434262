// SPDX-License-Identifier: Apache-2.0
// The tasks of a runqueue that another CPU might take, and the announcement that there are some (spec 4,
// B10).
#include "sched/rt/rt.hpp"

#include <sched/proxy.hpp>

namespace runnel::sched {
namespace {

void update_highest_pushable(RtRq& rt) {
  const RtEntity* first = rt.pushable.first();
  rt.highest_pushable.store(first != nullptr ? first->pushable_prio : PrioArray::kEmpty,
                            std::memory_order_relaxed);
}

} // namespace

void set_rt_overload(Rq& rq) {
  if (!rq.online) return;
  rq.rd->rto_mask.set(rq.cpu);
  port::write_barrier(); // B10: the bit before the count; pairs with the read barrier in pull_rt_tasks
  rq.rd->rto_count.fetch_add(1, std::memory_order_relaxed);
}

void clear_rt_overload(Rq& rq) {
  if (!rq.online) return;
  rq.rd->rto_count.fetch_sub(1, std::memory_order_relaxed);
  rq.rd->rto_mask.clear(rq.cpu);
}

void enqueue_pushable_rt(Rq& rq, Task& p) {
  if (p.rt.pushable_node.is_linked()) rq.rt.pushable.erase(p.rt);
  p.rt.pushable_prio = p.prio;
  rq.rt.pushable.insert(p.rt);
  update_highest_pushable(rq.rt);
  if (rq.rt.overloaded) return;
  set_rt_overload(rq);
  rq.rt.overloaded = true;
}

void dequeue_pushable_rt(Rq& rq, Task& p) {
  if (!p.rt.pushable_node.is_linked()) return;
  rq.rt.pushable.erase(p.rt);
  update_highest_pushable(rq.rt);
  if (!rq.rt.pushable.empty() || !rq.rt.overloaded) return;
  clear_rt_overload(rq);
  rq.rt.overloaded = false;
}

namespace {

/// A task that was put may still be on its way out, and an executing one may belong to another donor: neither
/// can be moved. One that waits for a mutex goes where the owner is (spec 6). It is looked at here and not
/// when the list is made, because whether it waits changes while it is queued.
bool can_be_pushed(const Task& p) { return !p.is_on_cpu() && !task_is_blocked(p); }

Task* skip_others(Rq& rq, RtEntity* e) REQUIRES(rq.lock) {
  while (e != nullptr && !can_be_pushed(task_of(*e))) e = rq.rt.pushable.next(*e);
  return e != nullptr ? &task_of(*e) : nullptr;
}

} // namespace

bool is_pushable_rt(Rq& rq, const Task& p) {
  return &task_rq(p) == &rq && p.rt.pushable_node.is_linked() && can_be_pushed(p);
}

Task* first_pushable_rt(Rq& rq) { return skip_others(rq, rq.rt.pushable.first()); }
Task* next_pushable_rt(Rq& rq, Task& p) { return skip_others(rq, rq.rt.pushable.next(p.rt)); }

Task* first_pushable_rt_for(Rq& rq, CpuId cpu) {
  Task* p = first_pushable_rt(rq);
  while (p != nullptr && !p->cpus_mask.test(cpu)) p = next_pushable_rt(rq, *p);
  return p;
}

} // namespace runnel::sched
