// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/rseq/cid.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/sync/preempt.hpp"
#include "kernel/sync/spinlock.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/rseq/statistics.hpp"
#include "kernel/user/rseq/test_points.hpp"

#include <sched/sched.hpp>
#include <utility>

namespace runnel::user::rseq {
namespace {

constinit std::atomic<CidSpace*> queue{nullptr}; // newest first
constinit Task* worker = nullptr;

/// Counts a change of owners in what the space's mutex is held for.
class FlipCount {
 public:
  explicit FlipCount(const sched::MmCid& space) : space_(space), before_(space.nr_flips) {}
  ~FlipCount() {
    const PreemptGuard stays;
    statistics.local().cid_flips += space_.nr_flips - before_;
  }
  FlipCount(const FlipCount&) = delete;
  FlipCount& operator=(const FlipCount&) = delete;

 private:
  const sched::MmCid& space_;
  const u64 before_;
};

void update_all(CidSpace* list) {
  while (list != nullptr) {
    CidSpace& space = *list;
    list = space.next_queued;
    space.queued.store(false, std::memory_order_release); // asked for again from here on: queued again
    {
      const MutexGuard guard(space.mutex);
      const FlipCount flips(space);
      sched::mm_cid_update(space);
    }
    space.mm.drop();
  }
}

void worker_main(void*) {
  for (;;) {
    sched::set_current_state(sched::kInterruptible);
    CidSpace* const list = queue.exchange(nullptr);
    if (list == nullptr) {
      sched::schedule();
      continue;
    }
    current_task().state.store(sched::kRunning, std::memory_order_relaxed);
    update_all(list);
  }
}

/// In the interrupt: no rq lock is held any more.
void queue_work(irq::IrqWork& work) {
  CidSpace& space = *static_cast<CidSpace::Deferral&>(work).space;
  // The queue has a reference of its own, but may lose it before this one goes: then this is the last one,
  // and goes in the interrupt, as drop() may.
  if (space.queued.exchange(true)) return space.mm.drop();
  CidSpace* head = queue.load(std::memory_order_relaxed);
  do {
    space.next_queued = head;
  } while (!queue.compare_exchange_weak(head, &space)); // each failure is somebody else's progress
  sched::wake_up_process(*worker);
}

} // namespace

void join(Mm& mm, Task& task) {
  const MutexGuard guard(mm.cids->mutex);
  const FlipCount flips(*mm.cids);
  sched::mm_cid_join(*mm.cids, task);
}

void leave() {
  sched::MmCid* const space = current_task().cid.space;
  if (space == nullptr) return;
  if (defers_at_end()) {
    const IrqGuard irqs_off; // as with the rq lock held
    sched::port::mm_cid_defer(*space);
  }
  const MutexGuard guard(static_cast<CidSpace*>(space)->mutex);
  const FlipCount flips(*space);
  sched::mm_cid_leave(*space);
}

void start_worker() {
  const auto made = kthread_run("mm_cid", worker_main, nullptr);
  if (!made) panic("no memory for the mm_cid thread");
  worker = *made;
}

} // namespace runnel::user::rseq

namespace runnel::sched::port {

void mm_cid_defer(MmCid& space) {
  auto& whole = static_cast<user::rseq::CidSpace&>(space);
  whole.deferral.fn = user::rseq::queue_work;
  whole.deferral.space = &whole;
  whole.mm.grab();
  if (!irq::irq_work_queue(whole.deferral)) whole.mm.drop(); // not the last reference: it has users
}

} // namespace runnel::sched::port
