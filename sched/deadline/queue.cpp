// SPDX-License-Identifier: Apache-2.0
// The deadline class's tree of what may run, earliest deadline first, and what other CPUs are told of it
// (spec 5.4).
#include "sched/deadline/deadline.hpp"

#include <sched/rt.hpp>

namespace runnel::sched {

void dl_publish(Rq& rq) {
  if (!rq.online) return;
  const DlEntity* first = rq.dl.queue.first();
  const bool has_work = first != nullptr;
  if (has_work == rq.dl.is_published && (!has_work || first->deadline == rq.dl.published)) return;
  // What is left here may be later than what waits elsewhere.
  if (rq.dl.is_published && (!has_work || dl_before(rq.dl.published, first->deadline)))
    rq.dl.wants_pull = true;
  if (has_work != rq.dl.is_published) publish_prio_level(rq);
  rq.dl.is_published = has_work;
  rq.dl.published = has_work ? first->deadline : 0;
  const port::IrqLockGuard guard(rq.rd->cpudl.lock);
  if (has_work)
    rq.rd->cpudl.heap.set(rq.cpu, rq.dl.published);
  else
    rq.rd->cpudl.heap.set_free(rq.cpu);
}

void dl_insert(Rq& rq, DlEntity& se) {
  rq.dl.queue.insert(se);
  ++rq.dl.nr_running;
  if (!se.is_server()) add_nr_running(rq, 1);
  dl_publish(rq);
}

void dl_remove(Rq& rq, DlEntity& se) {
  if (!se.is_queued()) return;
  rq.dl.queue.erase(se);
  --rq.dl.nr_running;
  if (!se.is_server()) sub_nr_running(rq, 1);
  dl_publish(rq);
}

void dl_rq_online(Rq& rq) {
  if (rq.dl.overloaded) set_dl_overload(rq);
  {
    const port::IrqLockGuard guard(rq.rd->cpudl.lock);
    rq.rd->cpudl.heap.set_free(rq.cpu);
  }
  rq.dl.is_published = false;
  dl_publish(rq);
  if (rq.rd->dlo_count.load(std::memory_order_relaxed) != 0) { // they have waited for a CPU to come
    rq.dl.wants_pull = true;
    resched_curr(rq);
  }
  const port::IrqLockGuard guard(rq.rd->dl_bw.lock);
  if (rq.dl.servers_admitted) return;
  rq.dl.servers_admitted = true;
  rq.rd->dl_bw.account.add(rq.dl.fair_server.bw + rq.dl.ext_server.bw);
  dl_account_changed(rq.rd->dl_bw);
}

void dl_rq_offline(Rq& rq) {
  dl_servers_stop(rq);
  if (rq.dl.overloaded) clear_dl_overload(rq);
  {
    const port::IrqLockGuard guard(rq.rd->cpudl.lock);
    rq.rd->cpudl.heap.remove(rq.cpu);
  }
  rq.dl.is_published = false;
  const port::IrqLockGuard guard(rq.rd->dl_bw.lock);
  if (!rq.dl.servers_admitted) return;
  rq.dl.servers_admitted = false;
  rq.rd->dl_bw.account.sub(rq.dl.fair_server.bw + rq.dl.ext_server.bw);
  dl_account_changed(rq.rd->dl_bw);
}

} // namespace runnel::sched
