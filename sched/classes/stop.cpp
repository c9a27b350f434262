// SPDX-License-Identifier: Apache-2.0
// The stop class (spec 2.4): the CPU's stopper thread, always first, never preempted.
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

class StopClass final : public SchedClass {
 public:
  constexpr StopClass() : SchedClass("stop", 5) {}

  void enqueue_task(Rq& rq, Task& p, u32) const override REQUIRES(rq.lock) {
    port::assert_(&p == rq.stop);
    add_nr_running(rq, 1);
  }
  bool dequeue_task(Rq& rq, Task& p, u32) const override REQUIRES(rq.lock) {
    port::assert_(&p == rq.stop);
    update_curr(rq);
    sub_nr_running(rq, 1);
    return true;
  }

  bool balance(Rq& rq, Task&) const override REQUIRES(rq.lock) { return runnable(rq); }

  Pick pick_task(Rq& rq) const override REQUIRES(rq.lock) {
    return {.task = runnable(rq) ? rq.stop : nullptr, .reason = trace::PickReason::kStop};
  }

  void put_prev_task(Rq& rq, Task&, Task*) const override REQUIRES(rq.lock) { update_curr(rq); }
  CpuId select_task_rq(Task& p, CpuId, u32) const override { return p.task_cpu(); }

 private:
  static bool runnable(const Rq& rq) { return rq.stop != nullptr && rq.stop->is_queued(); }
};

constinit const StopClass stop;

} // namespace

const SchedClass& stop_sched_class = stop;

} // namespace runnel::sched
