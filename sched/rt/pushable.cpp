// SPDX-License-Identifier: Apache-2.0
// The tasks of a runqueue that another CPU might take, and the announcement that there are some (spec 4,
// B10).
#include "sched/rt/rt.hpp"

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

Task* first_pushable_rt(Rq& rq) {
  // A task that was put may still be on its way out, and an executing one may belong to another donor
  // (spec 6): neither can be moved.
  for (RtEntity* e = rq.rt.pushable.first(); e != nullptr; e = rq.rt.pushable.next(*e))
    if (!task_of(*e).is_on_cpu()) return &task_of(*e);
  return nullptr;
}

Task* first_pushable_rt_for(Rq& rq, CpuId cpu) {
  for (RtEntity* e = rq.rt.pushable.first(); e != nullptr; e = rq.rt.pushable.next(*e))
    if (Task& p = task_of(*e); !p.is_on_cpu() && p.cpus_mask.test(cpu)) return &p;
  return nullptr;
}

} // namespace runnel::sched
