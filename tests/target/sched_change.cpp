// SPDX-License-Identifier: Apache-2.0

// The change protocol and next_class over every pair of classes, with classes that only write down what they
// are asked (spec sched_core 2.2, 2.3).
#include "kernel/sync/guards.hpp"
#include "tests/target/threads.hpp"

#include <sched/sched.hpp>
#include <sched/sched_class.hpp>

namespace runnel {
namespace {

using sched::Rq;
using sched::SchedChange;
using sched::SchedClass;

enum class Call : u8 {
  kEnqueue,
  kDequeue,
  kPutPrev,
  kSetNext,
  kSwitchingFrom,
  kSwitchedFrom,
  kSwitchingTo,
  kSwitchedTo,
  kGetPrio,
  kPrioChanged,
  kWakeupPreempt
};

struct Entry {
  Call call;
  const SchedClass* by;
  u32 flags;
  bool operator==(const Entry&) const = default;
};

struct Diary {
  Entry entries[16] = {};
  u32 n = 0;
  void add(Call call, const SchedClass* by, u32 flags = 0) {
    if (n < 16) entries[n] = {call, by, flags};
    ++n;
  }
  bool equals(const Diary& o) const {
    if (n != o.n || n > 16) return false;
    for (u32 i = 0; i < n; ++i)
      if (!(entries[i] == o.entries[i])) return false;
    return true;
  }
};

class WritingClass final : public SchedClass {
 public:
  WritingClass(u32 rank, Diary& diary) : SchedClass("writing", rank), diary_(diary) {}
  void enqueue_task(Rq&, sched::Task&, u32 f) const override { diary_.add(Call::kEnqueue, this, f); }
  bool dequeue_task(Rq&, sched::Task&, u32 f) const override {
    return diary_.add(Call::kDequeue, this, f), true;
  }
  sched::Pick pick_task(Rq&) const override { return {}; }
  CpuId select_task_rq(sched::Task& p, CpuId, u32) const override { return p.task_cpu(); }
  void put_prev_task(Rq&, sched::Task&, sched::Task*) const override { diary_.add(Call::kPutPrev, this); }
  void set_next_task(Rq&, sched::Task&, sched::SetNext how) const override {
    diary_.add(Call::kSetNext, this, static_cast<u32>(how));
  }
  void switching_from(Rq&, sched::Task&) const override { diary_.add(Call::kSwitchingFrom, this); }
  void switched_from(Rq&, sched::Task&) const override { diary_.add(Call::kSwitchedFrom, this); }
  void switching_to(Rq&, sched::Task&) const override { diary_.add(Call::kSwitchingTo, this); }
  void switched_to(Rq&, sched::Task&) const override { diary_.add(Call::kSwitchedTo, this); }
  u64 get_prio(Rq&, sched::Task&) const override { return diary_.add(Call::kGetPrio, this), 77; }
  void prio_changed(Rq&, sched::Task&, u64 old) const override {
    diary_.add(Call::kPrioChanged, this, static_cast<u32>(old));
  }
  void wakeup_preempt(Rq&, sched::Task&, u32) const override { diary_.add(Call::kWakeupPreempt, this); }

 private:
  Diary& diary_;
};

/// A runqueue of nobody, with an idle task of its own as the one that runs.
struct Stage {
  Rq rq;
  sched::Task idle;
  sched::Task p;
  Diary diary;
  Stage() {
    rq.cpu = arch::Cpu::this_cpu();
    rq.curr = rq.idle = rq.donor = &idle;
    idle.sched_class = &sched::idle_sched_class;
  }
};

// C26
RUNNEL_TEST(sched_change, order_of_the_calls)
{
  constexpr u32 kFlags = sched::kFlagSave | sched::kFlagMove;
  for (u32 from = 1; from <= 4; ++from)
    for (u32 to = 1; to <= 4; ++to)
      for (const bool queued : {false, true})
        for (const bool running : {false, true}) {
          Stage stage;
          const WritingClass a(from, stage.diary);
          const WritingClass b(to, stage.diary);
          const WritingClass& target = from == to ? a : b;
          stage.p.sched_class = &a;
          stage.p.on_rq.store(queued ? sched::OnRq::kQueued : sched::OnRq::kNo);
          stage.rq.next_class = &a;
          if (running) stage.rq.donor = stage.rq.curr = &stage.p;
          {
            const IrqGuard irqs_off;
            sched::rq_lock(stage.rq);
            sched::update_rq_clock(stage.rq);
            {
              const SchedChange change(stage.rq, stage.p, target, kFlags);
            }
            sched::rq_unlock(stage.rq);
          }
          Diary want;
          const bool same = from == to;
          const u32 flags = same ? kFlags : kFlags | sched::kFlagClass;
          if (!same) want.add(Call::kSwitchingFrom, &a);
          if (same) want.add(Call::kGetPrio, &a);
          if (queued) want.add(Call::kDequeue, &a, flags);
          if (running) want.add(Call::kPutPrev, &a);
          if (!same) want.add(Call::kSwitchedFrom, &a);
          if (!same) want.add(Call::kSwitchingTo, &target);
          if (queued) want.add(Call::kEnqueue, &target, flags);
          if (running) want.add(Call::kSetNext, &target, static_cast<u32>(sched::SetNext::kRestored));
          if (same) want.add(Call::kPrioChanged, &target, 77);
          if (!same) want.add(Call::kSwitchedTo, &target);
          if (!same && running && to > from)
            want.add(Call::kWakeupPreempt, &a); // promotion: next_class is told
          CHECK(stage.diary.equals(want));
          CHECK(stage.p.sched_class == &target);
          const bool resched = (stage.rq.curr->thread.flags.load() & kNeedResched) != 0;
          CHECK(resched == (!same && running && to < from)); // demotion
          if (!same && running && to > from) CHECK(stage.rq.next_class == &target);
        }
}

// C27
RUNNEL_TEST(sched_change, a_wakeup_is_compared_with_next_class)
{
  for (u32 runs = 0; runs <= 4; ++runs)
    for (u32 wakes = 0; wakes <= 4; ++wakes) {
      Stage stage;
      const WritingClass next(runs, stage.diary);
      const WritingClass other(wakes, stage.diary);
      const WritingClass& woken = runs == wakes ? next : other;
      stage.rq.next_class = &next;
      stage.p.sched_class = &woken;
      {
        const IrqGuard irqs_off;
        sched::rq_lock(stage.rq);
        sched::wakeup_preempt(stage.rq, stage.p, 0);
        sched::rq_unlock(stage.rq);
      }
      const bool resched = (stage.rq.curr->thread.flags.load() & kNeedResched) != 0;
      CHECK(resched == (wakes > runs));
      CHECK(stage.rq.next_class == (wakes > runs ? &woken : &next));
      Diary want; // the same class decides; of a higher one next_class's hook is told; a lower one is
                  // nobody's business
      if (wakes >= runs) want.add(Call::kWakeupPreempt, &next);
      CHECK(stage.diary.equals(want));
    }
}

} // namespace
} // namespace runnel
