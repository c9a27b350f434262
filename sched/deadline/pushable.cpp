// SPDX-License-Identifier: Apache-2.0
// The deadline tasks of a runqueue that another CPU might take, and the announcement that there are some
// (spec 5.4, B10).
#include "sched/deadline/deadline.hpp"

#include <sched/proxy.hpp>

namespace runnel::sched {
namespace {

void update_earliest_next(DlRq& dl) {
  if (const DlEntity* first = dl.pushable.first())
    dl.earliest_next.store(first->deadline, std::memory_order_relaxed);
}

} // namespace

void set_dl_overload(Rq& rq) {
  if (!rq.online) return;
  rq.rd->dlo_mask.set(rq.cpu);
  port::write_barrier(); // B10: the bit before the count; pairs with the read barrier in pull_dl_tasks
  rq.rd->dlo_count.fetch_add(1, std::memory_order_relaxed);
}

void clear_dl_overload(Rq& rq) {
  if (!rq.online) return;
  rq.rd->dlo_count.fetch_sub(1, std::memory_order_relaxed);
  rq.rd->dlo_mask.clear(rq.cpu);
}

void enqueue_pushable_dl(Rq& rq, Task& p) {
  if (p.dl.pushable_node.is_linked()) rq.dl.pushable.erase(p.dl);
  rq.dl.pushable.insert(p.dl);
  update_earliest_next(rq.dl);
  if (rq.dl.overloaded) return;
  set_dl_overload(rq);
  rq.dl.overloaded = true;
}

void dequeue_pushable_dl(Rq& rq, Task& p) {
  if (!p.dl.pushable_node.is_linked()) return;
  rq.dl.pushable.erase(p.dl);
  update_earliest_next(rq.dl);
  if (!rq.dl.pushable.empty() || !rq.dl.overloaded) return;
  clear_dl_overload(rq);
  rq.dl.overloaded = false;
}

namespace {

/// A task that was put may still be on its way out, and an executing one may belong to another donor: neither
/// can be moved. One that waits for a mutex goes where the owner is (spec 6).
bool can_be_pushed(const Task& p) { return !p.is_on_cpu() && !task_is_blocked(p); }

Task* skip_unmovable(Rq& rq, DlEntity* se) REQUIRES(rq.lock) {
  while (se != nullptr && !can_be_pushed(dl_task_of(*se))) se = rq.dl.pushable.next(*se);
  return se != nullptr ? &dl_task_of(*se) : nullptr;
}

} // namespace

bool is_pushable_dl(Rq& rq, const Task& p) {
  return &task_rq(p) == &rq && p.dl.pushable_node.is_linked() && can_be_pushed(p);
}

Task* first_pushable_dl(Rq& rq) { return skip_unmovable(rq, rq.dl.pushable.first()); }
Task* next_pushable_dl(Rq& rq, Task& p) { return skip_unmovable(rq, rq.dl.pushable.next(p.dl)); }

} // namespace runnel::sched
