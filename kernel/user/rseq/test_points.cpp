// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/rseq/test_points.hpp"

#ifdef RUNNEL_DEBUG

#include "kernel/debug/panic.hpp"
#include "kernel/smp/percpu.hpp"
#include "kernel/sync/lockdep.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/user/rseq/section.hpp"

namespace runnel::user::rseq {

constinit TestPoints test_points;

namespace {

struct Going {
  u32 windows = 0, accesses = 0;
};
constinit PerCpu<Going> goings;

} // namespace

FastPathProbe::FastPathProbe() : sections_before_(statistics.local().section) { goings.local() = {}; }

void FastPathProbe::done() const {
  // The ids, or the pointer to the section, are one going; what the pointer points to is another.
  RUNNEL_ASSERT(goings.local().windows == 1 + statistics.local().section - sections_before_);
}

void note_window() {
  sync::lockdep_assert_none_held(nullptr, "user memory with a lock held");
  if (!arch::Cpu::irqs_enabled()) ++goings.local().windows;
}

bool note_access() {
  if (arch::Cpu::irqs_enabled()) return false; // not the fast path
  const u32 number = ++goings.local().accesses;
  return number == test_points.fault_at.load(std::memory_order_relaxed);
}

void check_leaving(const Thread& self) {
  const sched::RseqEvent& event = self.task->rseq_event;
  if (event.version == 0 || self.rseq.behind) return;
  RUNNEL_ASSERT(event.ids_changed == 0 || event.switched != 0);
  const Ids now = current_ids();
  RUNNEL_ASSERT(self.rseq.ids.cpu == now.cpu && self.rseq.ids.node == now.node &&
                self.rseq.ids.cid == now.cid);
}

void delay_grant() {
  const Instant end = time::now() + Duration{test_points.grant_delay.load(std::memory_order_relaxed)};
  while ((time::now() - end).ns < 0) arch::Cpu::relax();
}

} // namespace runnel::user::rseq

#endif
