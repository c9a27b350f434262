// SPDX-License-Identifier: Apache-2.0
// The stop class (spec 2.4): the CPU's stopper thread, always first, never preempted.
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

class StopClass final : public SchedClass {
 public:
  constexpr StopClass() : SchedClass("stop", 3) {}

  void enqueue_task(Rq& rq, Task& p, u32) const override REQUIRES(rq.lock) { port::assert_(&p == rq.stop); }
  void dequeue_task(Rq& rq, Task& p, u32) const override REQUIRES(rq.lock) { port::assert_(&p == rq.stop); }

  Pick pick_task(Rq& rq) const override REQUIRES(rq.lock) {
    const bool queued = rq.stop != nullptr && rq.stop->on_rq.load(std::memory_order_relaxed) == OnRq::kQueued;
    return {queued ? rq.stop : nullptr, trace::PickReason::kStop};
  }

  CpuId select_task_rq(Task& p, CpuId, u32) const override { return p.task_cpu(); }
};

constinit const StopClass stop;

} // namespace

const SchedClass& stop_sched_class = stop;

} // namespace runnel::sched
