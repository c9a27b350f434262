// SPDX-License-Identifier: Apache-2.0
// Round robin: every runnable task gets the same slice in turn. The first class behind the interface; the
// fair, rt and deadline classes take its place.
#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

/// Three ticks: short against what a person notices, long against the cost of a switch.
constexpr Duration kSlice = port::kTick * 3;

class RrClass final : public SchedClass {
 public:
  constexpr RrClass() : SchedClass("rr", 2) {}

  void enqueue_task(Rq& rq, Task& p, u32 flags) const override REQUIRES(rq.lock) {
    if (p.slice_left.ns <= 0) p.slice_left = kSlice;
    if ((flags & kEnqueueHead) != 0)
      rq.rr.queue.push_front(p);
    else
      rq.rr.queue.push_back(p);
    ++rq.rr.nr_queued;
  }

  void dequeue_task(Rq& rq, Task& p, u32) const override REQUIRES(rq.lock) {
    rq.rr.queue.erase(p);
    --rq.rr.nr_queued;
  }

  void yield_task(Rq& rq) const override REQUIRES(rq.lock) { rq.curr->slice_left = Duration{0}; }

  // The running task stays in the queue, at its head: a woken task waits for its turn, unless only the
  // slice's end keeps the current one there.
  void put_prev_task(Rq& rq, Task& p) const override REQUIRES(rq.lock) {
    if (p.on_rq.load(std::memory_order_relaxed) != OnRq::kQueued || p.slice_left.ns > 0) return;
    p.slice_left = kSlice;
    rq.rr.queue.erase(p);
    rq.rr.queue.push_back(p);
  }

  Pick pick_task(Rq& rq) const override REQUIRES(rq.lock) {
    return {rq.rr.queue.front(),
            rq.rr.nr_queued > 1 ? trace::PickReason::kRoundRobin : trace::PickReason::kOnlyOne};
  }

  void update_curr(Rq& rq) const override REQUIRES(rq.lock) {
    Task& p = *rq.curr;
    const Duration before = p.stats.sum_exec_runtime;
    SchedClass::update_curr(rq);
    p.slice_left -= p.stats.sum_exec_runtime - before;
  }

  void task_tick(Rq& rq, Task& p) const override REQUIRES(rq.lock) {
    if (p.slice_left.ns <= 0 && rq.rr.nr_queued > 1) resched_curr(rq);
  }

  /// Where it was if that is idle, else any idle CPU, else where it was unless another has fewer to serve.
  CpuId select_task_rq(Task& p, CpuId prev_cpu, u32 flags) const override {
    const CpuMask allowed = p.cpus_mask & port::active_cpus();
    const bool fork = (flags & kWakeFork) != 0;
    if (!fork && allowed.test(prev_cpu) && cpu_is_idle(prev_cpu)) return prev_cpu;
    CpuId best = allowed.test(prev_cpu) ? prev_cpu : allowed.lowest();
    u32 best_load = load_of(best);
    for (const CpuId cpu : allowed) {
      if (cpu_is_idle(cpu)) return cpu;
      if (const u32 load = load_of(cpu); load + 1 < best_load || (fork && load < best_load)) {
        best = cpu;
        best_load = load;
      }
    }
    return best;
  }

  bool balance(Rq& rq, Task& prev) const override;

 private:
  static u32 load_of(CpuId cpu) {
    const Rq& rq = cpu_rq(cpu);
    return rq.nr_running_hint.load(std::memory_order_relaxed) +
           rq.ttwu_pending.load(std::memory_order_relaxed);
  }

  static Task* first_movable(Rq& from, const Rq& to) {
    for (Task& p : from.rr.queue)
      if (&p != from.curr && p.on_cpu.load(std::memory_order_relaxed) == 0 && p.cpus_mask.test(to.cpu))
        return &p;
    return nullptr;
  }
};

/// Pulls one waiting task from the CPU with most of them. The lock is dropped and both are taken in order
/// (L3).
bool RrClass::balance(Rq& rq, Task&) const NO_THREAD_SAFETY_ANALYSIS {
  Rq* busiest = nullptr;
  u32 most = 1;
  for (const CpuId cpu : port::active_cpus()) {
    const u32 load = cpu_rq(cpu).nr_running_hint.load(std::memory_order_relaxed);
    if (cpu != rq.cpu && load > most) {
      busiest = &cpu_rq(cpu);
      most = load;
    }
  }
  if (busiest == nullptr) return false;

  rq.lock.unlock();
  port::preempt_enable_no_resched();
  {
    DoubleRqLock both(rq, *busiest);
    Task* p = busiest->rr.nr_queued > 1 ? first_movable(*busiest, rq) : nullptr;
    if (p != nullptr && rq.rr.nr_queued == 0) {
      update_rq_clock(*busiest);
      move_queued_task(*busiest, rq, *p);
    }
  }
  port::preempt_disable();
  rq.lock.lock();
  update_rq_clock(rq);
  return rq.nr_running != 0;
}

constinit const RrClass rr;

} // namespace

const SchedClass& rr_sched_class = rr;

} // namespace runnel::sched
