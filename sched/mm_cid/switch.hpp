// SPDX-License-Identifier: Apache-2.0
// The CID's part of a context switch: a load and a test for who leaves, a few instructions for who comes.
#pragma once

#include "sched/mm_cid/algorithm.hpp"

#include <sched/task.hpp>

namespace runnel::sched {

#ifdef RUNNEL_DEBUG
/// I3, R1: nobody else runs with the number of `next`. Two who take the same one at once see each other: both
/// store before they look.
inline void mm_cid_check_alone(const TaskCid& next, CpuId cpu) {
  MmCid& space = *next.space;
  const u32 word = next.word.load(std::memory_order_relaxed);
  port::assert_((word & kCidUnset) == 0 && next.number() < space.possible); // I7, I8, R2
  port::assert_(space.is_held(next.number()));                              // I1
  space.slot(cpu).running.store(next.number(), std::memory_order_seq_cst);
  for (u32 i = 0; i < space.possible; ++i)
    port::assert_(i == cpu.value || space.slots[i].running.load(std::memory_order_seq_cst) != next.number());
}
inline void mm_cid_note_out(const TaskCid& prev, CpuId cpu) {
  if (prev.space != nullptr) prev.space->slot(cpu).running.store(kCidUnset, std::memory_order_seq_cst);
}
#else
inline void mm_cid_check_alone(const TaskCid&, CpuId) {}
inline void mm_cid_note_out(const TaskCid&, CpuId) {}
#endif

/// The rq lock is held; who comes is to be told in user mode when it has another number.
inline void mm_cid_switch(Task& prev, Task& next, CpuId cpu) {
  mm_cid_note_out(prev.cid, cpu);
  if ((prev.cid.word.load(std::memory_order_relaxed) & kCidTransit) != 0) [[unlikely]]
    CidAlgorithm<>::switch_out(prev.cid, cpu);
  if (next.cid.space == nullptr) return;
  if (CidAlgorithm<>::switch_in(next.cid, cpu)) next.rseq_event.ids_changed = 1;
  mm_cid_check_alone(next.cid, cpu);
}

} // namespace runnel::sched
