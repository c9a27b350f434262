// SPDX-License-Identifier: Apache-2.0
// Concurrency ids (spec rseq_mm_cid 4): a number below the number of CPUs for each thread of an address space
// that runs, which no other of its running threads has. With few threads each owns one for good; with more
// threads than CPUs the CPUs own them, and the thread a CPU switches to borrows its number. In either mode a
// switch costs a few instructions, no atomic operation and no lock. Changing the mode needs a walk, and while
// it is under way numbers are held in transit: they go back to the pool when their holder leaves the CPU.
//
// Locks, outermost first: the owner's mutex (held by whoever joins, leaves or walks), rq lock, MmCid::lock.
// A slot belongs to its CPU's rq lock; joining and leaving touch this CPU's only, with interrupts off.
#pragma once

#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/list.hpp"

#include <atomic>
#include <sched/port.hpp>

namespace runnel::sched {

struct Task;
class MmCid;

/// Bits of a CID word (4.3); the rest is the number. A value with none of them is owned by the task.
enum CidBits : u32 {
  kCidTransit = 1u << 29, // held by a running task while the mode changes
  kCidOnCpu = 1u << 30,   // in a slot: the CPU owns it; in a task: borrowed from the CPU it ran on
  kCidUnset = 1u << 31,
  kCidNumber = kCidTransit - 1,
};
constexpr bool is_task_owned(u32 cid) { return (cid & ~u32{kCidNumber}) == 0; }

struct TaskCid {
  MmCid* space = nullptr; // whose active user the task is; nullptr: of none
  std::atomic<u32> word{
      kCidUnset}; // rq lock of the CPU the task is on; joining and leaving: the owner's mutex
  Task* task = nullptr;
  ListNode in_space;

  u32 number() const { return word.load(std::memory_order_relaxed) & kCidNumber; }
};

/// Limits (4.5): with `users` threads that may run on `allowed` of `possible` CPUs, how many numbers are
/// handed out, and below how many users the tasks own them again.
constexpr u32 cid_max(u32 users, u32 allowed, u32 possible) {
  const u32 best = allowed < users ? allowed : users;
  const u32 most = best + best / 4;
  return most < possible ? most : possible;
}
constexpr u32 cid_threshold(u32 users, u32 allowed, u32 possible) {
  const u32 best = allowed < users ? allowed : users;
  const u32 least = best - best / 4 < possible / 2 ? best - best / 4 : possible / 2;
  return least > 1 ? least : 1;
}

/// The numbers of one address space. Its algorithm is sched/mm_cid/algorithm.hpp, which the model test
/// shares.
class MmCid {
 public:
  struct alignas(kCacheLine) Slot {
    std::atomic<u32> word{kCidUnset};    // what the CPU owns or, in the tasks' mode, whom it ran last
    std::atomic<u32> running{kCidUnset}; // debug images: the number that is in use here
  };

  explicit MmCid(u32 nr_possible) : possible(nr_possible) {}

  // Read in every switch, without a lock.
  std::atomic<u32> mode{0}; // 0 or kCidOnCpu, with kCidTransit while it changes: one word for both (4.4)
  std::atomic<u32> max_cids{0};
  const u32 possible;
  Slot slots[kMaxCpus];
  AtomicCpuMask pool; // numbers that somebody holds

  port::Lock lock{port::LockRank::kMmCid};
  // Under it; `users` and `members` are written under the mutex too, and read under either.
  List<TaskCid, &TaskCid::in_space> members;
  u32 users = 0;
  u32 threshold = 0; // fewer users: the tasks own the numbers; 0: they do
  u32 nr_allowed = 0;
  CpuMask allowed; // of all users since it was made; it only grows
  bool update_deferred = false;
  u64 nr_flips = 0;

  Slot& slot(CpuId cpu) { return slots[cpu.value]; }
  bool is_held(u32 number) const { return pool.test({number}); }
};

/// `task`, which cannot run yet (or is the current one), becomes a user of `space`. The owner's mutex is
/// held.
void mm_cid_join(MmCid& space, Task& task);
/// The current task is no user any more, and never in user mode again with this address space. True: nobody
/// is. The owner's mutex is held.
bool mm_cid_leave(MmCid& space);
/// The work that port::mm_cid_defer asked for. The owner's mutex is held.
void mm_cid_update(MmCid& space);
/// `task` may run elsewhere; its rq lock is held.
void mm_cid_affinity_changed(Task& task);
/// Nobody uses it, nobody will: gives back what CPUs still own and checks that nothing else is held.
void mm_cid_retire(MmCid& space);

} // namespace runnel::sched
