// SPDX-License-Identifier: Apache-2.0
// What happens to a CID word at a switch, and what the walks do at each task and CPU (spec rseq_mm_cid 4.7 to
// 4.10). Each function is one step under the rq lock concerned; tests/model/mm_cid explores all their orders,
// and takes the rules away one by one to see that it would notice.
#pragma once

#include <sched/mm_cid.hpp>
#include <sched/port.hpp>

namespace runnel::sched {

#ifdef RUNNEL_DEBUG
/// The most tries that anybody needed for a number (D12).
inline constinit std::atomic<u32> cid_most_tries{0};
#endif

struct CidRules {
  static constexpr bool kTransitOnSwitchIn = true; // what a switch takes during a change is in transit
  static constexpr bool kTransitInWalk = true;     // and so is what a running task has when the walk comes
  static constexpr bool kGuardedDrop = true;       // a slot gives back only what it owns
  static constexpr bool kDropOnSwitchOut = true;   // what is in transit goes back to the pool
  static constexpr bool kDropSleepers = true;      // a task that does not run loses its number to the pool

  /// When the tasks own the numbers again.
  static constexpr u32 threshold(u32 users, u32 allowed, u32 possible) {
    return cid_threshold(users, allowed, possible);
  }
  /// Tests count: a write to the pool, and how often somebody had to look for a number.
  static void pool_written() {}
  static void got_after([[maybe_unused]] u32 tries) {
#ifdef RUNNEL_DEBUG
    if (tries > cid_most_tries.load(std::memory_order_relaxed))
      cid_most_tries.store(tries, std::memory_order_relaxed);
#endif
  }
};

template <typename Rules = CidRules> class CidAlgorithm {
 public:
  /// Switch-out of `prev`, whose word is in transit.
  static void switch_out(TaskCid& prev, CpuId cpu) {
    MmCid& space = *prev.space;
    const u32 mode = load(space.mode);
    const u32 number = prev.number();
    if ((mode & kCidTransit) == 0 && number < load(space.max_cids)) {
      store(space.slot(cpu).word, number | mode);
      store(prev.word, number | mode);
    } else {
      if (Rules::kDropOnSwitchOut) drop(space, number);
      store(prev.word, kCidUnset);
    }
  }

  /// Switch-in of `next`, an active user. True: its word is another than before.
  static bool switch_in(TaskCid& next, CpuId cpu) {
    MmCid& space = *next.space;
    MmCid::Slot& slot = space.slot(cpu);
    const u32 mode = load(space.mode);
    const u32 before = load(next.word);
    const u32 lent = load(slot.word);
    if (mode == 0) { // what has a bit set is beyond any limit
      if (before < load(space.max_cids) && is_task_owned(lent)) [[likely]] {
        store(slot.word, before);
        return false;
      }
    } else if (mode == kCidOnCpu) {
      if ((lent ^ kCidOnCpu) < load(space.max_cids) && (before & kCidOnCpu) != 0) [[likely]]
        return set(next, before, lent);
    }
    return switch_in_slow(space, next, slot, mode);
  }

  /// A number for somebody who holds none: I4 says that there is one.
  static u32 get(MmCid& space) {
    u32 got = allocate(space, load(space.max_cids));
    u32 tries = 0;
    while (got == kCidUnset) {
      got = allocate(space, space.possible);
      if (got != kCidUnset) break;
      ++tries;
      port::assert_(tries < kMostTries);
      port::relax(); // somebody was faster
    }
    Rules::got_after(tries);
    return got;
  }

  static void drop(MmCid& space, u32 number) {
    port::assert_(number < space.possible && space.is_held(number));
    space.pool.clear({number});
    Rules::pool_written();
  }

  /// 4.6, under `lock`. True: the mode has changed, and the caller must walk and complete().
  static bool update_limits(MmCid& space) {
    const u32 mode = load(space.mode);
    const u32 users = space.users;
    space.update_deferred = false;
    store(space.max_cids, cid_max(users, space.nr_allowed, space.possible));
    if ((mode & kCidOnCpu) == 0) {
      if (users > load(space.max_cids))
        space.threshold = Rules::threshold(users, space.nr_allowed, space.possible);
    } else if (users < space.threshold) {
      space.threshold = 0;
    }
    if (((mode & kCidOnCpu) != 0) == (space.threshold != 0)) return false;
    port::assert_((mode & kCidTransit) == 0); // I9
    ++space.nr_flips;
    store(space.mode, mode ^ (kCidOnCpu | kCidTransit));
    port::full_barrier(); // before the first rq lock of the walk: who switches after it sees the new mode
    return true;
  }

  /// Under `lock`: nr_allowed has grown. True: it is time for update_limits, which a thread has to do.
  static bool widened(MmCid& space) {
    store(space.max_cids, cid_max(space.users, space.nr_allowed, space.possible));
    if ((load(space.mode) & kCidOnCpu) == 0) return false;
    space.threshold = Rules::threshold(space.users, space.nr_allowed, space.possible);
    if (space.users >= space.threshold || space.update_deferred) return false;
    return space.update_deferred = true;
  }

  /// The walk is over.
  static void complete(MmCid& space) {
    port::full_barrier(); // what the walk did is visible to whoever sees the final mode
    store(space.mode, load(space.mode) & ~u32{kCidTransit});
  }

  /// `current`, which begins the change, gives up owning its number (4.9) or lending its CPU's (4.10). With
  /// `lock` and interrupts off.
  static void convert_initiator(MmCid& space, TaskCid& current, CpuId cpu) {
    const u32 word = load(current.word);
    const bool to_cpus = (load(space.mode) & kCidOnCpu) != 0;
    const u32 slot = load(space.slot(cpu).word);
    if (to_cpus ? is_task_owned(word) : (word & kCidOnCpu) != 0 && (slot & kCidOnCpu) != 0)
      mark(space, current, cpu);
  }

  /// To the CPUs, at one task: `running` is the CPU it runs on, nullptr: none.
  static void walk_task(MmCid& space, TaskCid& user, const CpuId* running) {
    const u32 word = load(user.word);
    if (!is_task_owned(word)) return;
    if (running != nullptr) {
      if (Rules::kTransitInWalk) mark(space, user, *running);
      return;
    }
    if (Rules::kDropSleepers) drop(space, word);
    store(user.word, kCidUnset);
  }

  /// To the tasks, at one CPU: `running` is the user of this space that it executes, nullptr: none.
  static void walk_cpu(MmCid& space, CpuId cpu, TaskCid* running) {
    const bool owned = (load(space.slot(cpu).word) & kCidOnCpu) != 0;
    const u32 word = running != nullptr ? load(running->word) : u32{kCidUnset};
    if (owned && running == nullptr) return drop_slot(space, cpu);
    if (owned) {
      if ((word & kCidOnCpu) != 0 && Rules::kTransitInWalk) mark(space, *running, cpu);
      return;
    }
    // Without a number there is nothing to mark: what is marked is given back at the next switch.
    if (running == nullptr || (word & (kCidTransit | kCidUnset)) != 0) return;
    store(running->word, word | kCidTransit);
    store(space.slot(cpu).word, word | kCidTransit);
  }

  /// What the CPU owns, it gives back.
  static void drop_slot(MmCid& space, CpuId cpu) {
    std::atomic<u32>& slot = space.slot(cpu).word;
    const u32 word = load(slot);
    if ((word & kCidOnCpu) == 0 && Rules::kGuardedDrop) return;
    store(slot, word & ~u32{kCidOnCpu});
    drop(space, word & ~u32{kCidOnCpu});
  }

  /// Under `lock`: `user` joins; the first one gets its number at once. True: walk.
  static bool join(MmCid& space, TaskCid& user, CpuId here) {
    const bool first = space.users == 0;
    user.space = &space;
    space.members.push_back(user);
    ++space.users;
    const bool flip = update_limits(space);
    if (flip || (load(space.mode) & kCidOnCpu) != 0) return flip;
    store(user.word, get(space));
    if (first) store(space.slot(here).word, load(user.word));
    return false;
  }

  /// Under `lock`, interrupts off: `user`, which runs here, leaves. True: walk.
  static bool leave(MmCid& space, TaskCid& user, CpuId here) {
    const bool last = space.users == 1;
    u32 word = load(user.word);
    const u32 slot = load(space.slot(here).word);
    // So that taking it away frees what its CPU lent to it.
    if (last && (word & kCidOnCpu) != 0 && (slot & kCidOnCpu) != 0) {
      mark(space, user, here);
      word = load(user.word);
    }
    word &= ~u32{kCidTransit};
    if (is_task_owned(word)) drop(space, word);
    store(user.word, kCidUnset);
    user.space = nullptr;
    List<TaskCid, &TaskCid::in_space>::erase(user);
    --space.users;
    const bool flip = update_limits(space);
    if (flip && (load(space.mode) & kCidOnCpu) == 0) drop_slot(space, here);
    return flip && !last;
  }

 private:
  static constexpr u32 kMostTries = 1'000'000;

  static u32 load(const std::atomic<u32>& from) { return from.load(std::memory_order_relaxed); }
  static void store(std::atomic<u32>& to, u32 value) { to.store(value, std::memory_order_relaxed); }

  static u32 allocate(MmCid& space, u32 limit) {
    const u32 number = (~space.pool.load(std::memory_order_relaxed)).next(0).value;
    if (number >= limit) return kCidUnset;
    Rules::pool_written();
    if (space.pool.set({number})) return kCidUnset;
    return number;
  }

  /// A lower number for `word`, if its own is beyond the limit and there is one.
  static u32 converge(MmCid& space, u32 word) {
    const u32 number = word & kCidNumber;
    const u32 limit = load(space.max_cids);
    if (number < limit) return word;
    const u32 lower = allocate(space, limit);
    if (lower == kCidUnset) return word;
    drop(space, number);
    return lower | (word & kCidOnCpu);
  }

  static void mark(MmCid& space, TaskCid& user, CpuId cpu) {
    const u32 word = user.number() | kCidTransit;
    store(user.word, word);
    store(space.slot(cpu).word, word);
  }

  /// All that is not a steady mode with a number below the limit.
  [[gnu::noinline, gnu::cold]] static bool switch_in_slow(MmCid& space, TaskCid& next, MmCid::Slot& slot,
                                                          u32 mode) {
    return (mode & kCidOnCpu) != 0 ? borrow(space, next, slot, mode) : own(space, next, slot, mode);
  }

  static bool set(TaskCid& user, u32 before, u32 word) {
    if (word == before) return false;
    store(user.word, word);
    return true;
  }

  /// The tasks own.
  static bool own(MmCid& space, TaskCid& next, MmCid::Slot& slot, u32 mode) {
    const u32 before = load(next.word);
    const u32 lent = load(slot.word);
    u32 word = before;
    if (is_task_owned(lent) && is_task_owned(word)) {
      word = converge(space, word);
    } else {
      if ((lent & kCidOnCpu) != 0) {
        if (is_task_owned(word)) {
          store(slot.word, lent & ~u32{kCidOnCpu});
          drop(space, lent & kCidNumber);
        } else {
          word = lent & kCidNumber;
        }
      }
      if (!is_task_owned(word)) word = get(space);
      if (Rules::kTransitOnSwitchIn) word |= mode & kCidTransit;
    }
    store(slot.word, word);
    return set(next, before, word);
  }

  /// The CPUs own.
  static bool borrow(MmCid& space, TaskCid& next, MmCid::Slot& slot, u32 mode) {
    const u32 before = load(next.word);
    u32 word = load(slot.word);
    if ((word & kCidOnCpu) != 0 && (before & kCidOnCpu) != 0) {
      word = converge(space, word);
    } else {
      if (is_task_owned(before)) {
        if ((word & kCidOnCpu) != 0)
          drop(space, before);
        else
          word = before | kCidOnCpu;
      }
      if ((word & kCidOnCpu) == 0) word = get(space) | kCidOnCpu;
      if ((mode & kCidTransit) != 0 && Rules::kTransitOnSwitchIn) word ^= kCidOnCpu | kCidTransit;
    }
    store(slot.word, word);
    return set(next, before, word);
  }
};

} // namespace runnel::sched
