// SPDX-License-Identifier: Apache-2.0
// Who joins and who leaves, and the walks that follow when the numbers change hands (spec rseq_mm_cid 4.9 to
// 4.11).
#include "sched/mm_cid/algorithm.hpp"

#include <sched/rq.hpp>
#include <sched/sched.hpp>

namespace runnel::sched {
namespace {

using Cid = CidAlgorithm<>;

#ifdef RUNNEL_DEBUG
/// I5, I6, I11: nobody of the other side owns a number.
void note_running(const TaskCid& user) {
  user.space->slot(port::this_cpu()).running.store(user.number(), std::memory_order_seq_cst);
}
void note_left(MmCid& space) {
  space.slot(port::this_cpu()).running.store(kCidUnset, std::memory_order_seq_cst);
}
void check_completed(MmCid& space) {
  const port::IrqLockGuard guard(space.lock);
  const bool cpus_own = space.mode.load(std::memory_order_relaxed) == kCidOnCpu;
  for (u32 i = 0; i < space.possible; ++i)
    port::assert_(cpus_own || (space.slots[i].word.load(std::memory_order_relaxed) & kCidOnCpu) == 0);
  u32 count = 0;
  for (const TaskCid& user : space.members) {
    ++count;
    port::assert_(!cpus_own || !is_task_owned(user.word.load(std::memory_order_relaxed)));
  }
  port::assert_(count == space.users);
}
#else
void note_running(const TaskCid&) {}
void note_left(MmCid&) {}
void check_completed(MmCid&) {}
#endif

void walk_tasks(MmCid& space) {
  for (TaskCid& user : space.members) { // stable: the mutex is held
    Task& task = *user.task;
    const port::IrqLockGuard pi(task.pi_lock);
    TaskRqLock locked(task);
    const CpuId cpu = locked.rq().cpu;
    Cid::walk_task(space, user, locked.rq().curr == &task ? &cpu : nullptr);
  }
}

void walk_cpus(MmCid& space) {
  for (u32 i = 0; i < space.possible; ++i) {
    const port::IrqGuard irqs_off;
    Rq& rq = cpu_rq({i});
    const RqLock guard(rq);
    Cid::walk_cpu(space, rq.cpu, rq.curr->cid.space == &space ? &rq.curr->cid : nullptr);
  }
}

/// The mode has just changed; no lock but the mutex.
void walk(MmCid& space) {
  if ((space.mode.load(std::memory_order_relaxed) & kCidOnCpu) != 0)
    walk_tasks(space);
  else
    walk_cpus(space);
  Cid::complete(space);
  check_completed(space);
}

void widen(MmCid& space, const Task& task) {
  space.allowed = space.allowed | (task.cpus_mask & port::possible_cpus());
  space.nr_allowed = space.allowed.count();
}

} // namespace

void mm_cid_join(MmCid& space, Task& task) {
  task.cid.task = &task;
  bool flip;
  {
    const port::IrqLockGuard guard(space.lock);
    widen(space, task);
    flip = Cid::join(space, task.cid, port::this_cpu());
    if (&task == &current()) note_running(task.cid); // exec: no switch brings it here
    if (flip && current().cid.space == &space) Cid::convert_initiator(space, current().cid, port::this_cpu());
  }
  task.rseq_event.ids_changed = 1;
  if (!flip) return;
  walk(space);
  if (space.mode.load(std::memory_order_relaxed) == 0)
    task.cid.word.store(Cid::get(space), std::memory_order_relaxed);
}

bool mm_cid_leave(MmCid& space) {
  bool flip;
  {
    const port::IrqLockGuard guard(space.lock);
    note_left(space); // it will not be in user mode with this number
    flip = Cid::leave(space, current().cid, port::this_cpu());
  }
  {
    // Whoever is changing this task's affinity has still seen its space: it may be gone after this.
    const port::IrqLockGuard pi(current().pi_lock);
  }
  if (flip) walk(space);
  return space.users == 0;
}

void mm_cid_update(MmCid& space) {
  if (space.users == 0) return;
  {
    const port::IrqLockGuard guard(space.lock);
    if (!space.update_deferred || !Cid::update_limits(space)) return;
  }
  walk(space);
}

void mm_cid_affinity_changed(Task& task) {
  if (task.cid.space == nullptr) return;
  MmCid& space = *task.cid.space;
  const port::IrqLockGuard guard(space.lock);
  const u32 before = space.nr_allowed;
  widen(space, task);
  if (space.users != 0 && space.nr_allowed != before && Cid::widened(space)) port::mm_cid_defer(space);
}

void mm_cid_retire(MmCid& space) {
  port::assert_(space.users == 0);
  for (u32 i = 0; i < space.possible; ++i) Cid::drop_slot(space, {i});
  port::assert_(space.pool.load() == CpuMask()); // I1: no number is lost
}

} // namespace runnel::sched
