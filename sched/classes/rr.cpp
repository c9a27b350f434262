// SPDX-License-Identifier: Apache-2.0
// A plain round-robin in the place of the fair class, until that one is in.
#include <sched/sched_class.hpp>

namespace runnel::sched {
namespace {

constexpr Duration kSlice = port::kTick * 3;

Task& task_of(FairEntity& se) {
  const auto offset = reinterpret_cast<uptr>(&reinterpret_cast<Task*>(uptr{4096})->se) - uptr{4096};
  return *reinterpret_cast<Task*>(reinterpret_cast<uptr>(&se) - offset);
}

class RrClass final : public SchedClass {
 public:
  constexpr RrClass() : SchedClass("fair", 2) {}

  void enqueue_task(Rq& rq, Task& p, u32) const override REQUIRES(rq.lock) {
    p.se.on_rq = true;
    if (&p != rq.donor) rq.fair.queue.push_back(p.se);
    ++rq.fair.nr_queued;
    add_nr_running(rq, 1);
  }

  bool dequeue_task(Rq& rq, Task& p, u32) const override REQUIRES(rq.lock) {
    update_curr(rq);
    p.se.on_rq = false;
    if (p.se.all_node.is_linked()) rq.fair.queue.erase(p.se);
    --rq.fair.nr_queued;
    sub_nr_running(rq, 1);
    return true;
  }

  void yield_task(Rq& rq) const override REQUIRES(rq.lock) { rq.donor->se.slice_left = Duration{0}; }

  void put_prev_task(Rq& rq, Task& p, Task*) const override REQUIRES(rq.lock) {
    update_curr(rq);
    if (!p.se.on_rq) return;
    if (p.se.slice_left.ns > 0)
      rq.fair.queue.push_front(p.se);
    else
      rq.fair.queue.push_back(p.se);
  }

  void set_next_task(Rq& rq, Task& p, SetNext) const override REQUIRES(rq.lock) {
    if (p.se.all_node.is_linked()) rq.fair.queue.erase(p.se);
    if (p.se.slice_left.ns <= 0) p.se.slice_left = kSlice;
  }

  Pick pick_task(Rq& rq) const override REQUIRES(rq.lock) {
    Task& donor = *rq.donor;
    const bool donor_may = donor.sched_class == this && donor.se.on_rq;
    if (donor_may) update_curr(rq);
    FairEntity* first = rq.fair.queue.front();
    const auto reason = rq.fair.nr_queued > 1 ? trace::PickReason::kRoundRobin : trace::PickReason::kOnlyOne;
    if (donor_may && (donor.se.slice_left.ns > 0 || first == nullptr)) {
      if (donor.se.slice_left.ns <= 0) donor.se.slice_left = kSlice;
      return {.task = &donor, .reason = reason};
    }
    return {.task = first != nullptr ? &task_of(*first) : nullptr, .reason = reason};
  }

  void update_curr(Rq& rq) const override REQUIRES(rq.lock) {
    if (rq.donor->sched_class == this) rq.donor->se.slice_left -= update_curr_common(rq);
  }

  void task_tick(Rq& rq, Task& p, Tick) const override REQUIRES(rq.lock) {
    update_curr(rq);
    if (p.se.slice_left.ns <= 0 && rq.fair.nr_queued > 1) resched_curr(rq);
  }

  /// Where it was if that is idle, else any idle CPU, else where it was unless another has fewer to serve.
  CpuId select_task_rq(Task& p, CpuId prev_cpu, u32 flags) const override {
    const CpuMask allowed = *p.cpus_ptr & port::active_cpus();
    if (allowed.empty()) return prev_cpu;
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
    for (FairEntity& se : from.fair.queue) {
      Task& p = task_of(se);
      if (!p.is_on_cpu() && p.migration_disabled == 0 && is_cpu_allowed(p, to.cpu)) return &p;
    }
    return nullptr;
  }
};

/// Pulls one waiting task from the CPU with most of them. The lock is dropped and both are taken in order
/// (L3).
bool RrClass::balance(Rq& rq, Task&) const NO_THREAD_SAFETY_ANALYSIS {
  if (rq.nr_running != 0) return true;
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
  double_lock_balance(rq, *busiest);
  Task* p = busiest->fair.nr_queued > 1 ? first_movable(*busiest, rq) : nullptr;
  if (p != nullptr && rq.nr_running == 0) {
    update_rq_clock(*busiest);
    move_queued_task(*busiest, rq, *p);
  }
  double_unlock_balance(rq, *busiest);
  update_rq_clock(rq);
  return rq.nr_running != 0;
}

constinit const RrClass rr;

} // namespace

const SchedClass& fair_sched_class = rr;

} // namespace runnel::sched
