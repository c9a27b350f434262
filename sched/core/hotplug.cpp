// SPDX-License-Identifier: Apache-2.0

// A CPU begins and ends to take part in scheduling (spec 1.20).
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {

void sched_cpu_activate(CpuId cpu) {
  Rq& rq = cpu_rq(cpu);
  port::set_cpu_active(cpu);
  const RqLock guard(rq);
  if (rq.online) return;
  update_rq_clock(rq);
  rq.balance_push = false;
  rq.rd->online.set(cpu);
  rq.online = true;
  for (const SchedClass* cls : sched_classes()) cls->rq_online(rq);
}

} // namespace runnel::sched
