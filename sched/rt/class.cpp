// SPDX-License-Identifier: Apache-2.0
// The realtime class (spec 4): not there yet, never has a task.
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

class RtClass final : public SchedClass {
 public:
  constexpr RtClass() : SchedClass("rt", 3) {}
  void enqueue_task(Rq& rq, Task&, u32) const override REQUIRES(rq.lock) { port::assert_(false); }
  bool dequeue_task(Rq& rq, Task&, u32) const override REQUIRES(rq.lock) { return true; }
  Pick pick_task(Rq& rq) const override REQUIRES(rq.lock) { return {}; }
  CpuId select_task_rq(Task& p, CpuId, u32) const override { return p.task_cpu(); }
};

constinit const RtClass rt;

} // namespace

const SchedClass& rt_sched_class = rt;

} // namespace runnel::sched
