// SPDX-License-Identifier: Apache-2.0
// Which CPUs run at which priority (spec 4 RT9, rule B11). Owned by sched/rt; the algorithm is
// sched/rt/cpupri.cpp.
#pragma once

#include "kernel/lib/cpumask.hpp"

#include <sched/prio.hpp>

namespace runnel::sched {

/// A CPU's place: 0 nothing above fair, 1..99 the realtime priority as users count it, 100 deadline.
struct PriLevel {
  i32 value = kNone;
  static constexpr i32 kNone = -1; // offline: in no vector
  static constexpr i32 kCount = 101;
  constexpr bool operator==(const PriLevel&) const = default;
  /// By the internal scale (spec 0): -1 -> 100, 0..98 -> 99..1, 99 and more -> 0.
  static constexpr PriLevel of_prio(i32 prio) {
    if (is_dl_prio(prio)) return {kCount - 1};
    return {prio < kMaxRtPrio - 1 ? kMaxRtPrio - 1 - prio : 0};
  }
};

/// For every level the set of CPUs whose best task is there, to be read without a lock. A CPU's level is
/// changed under its rq lock only. Pure but for the atomics.
class CpuPri {
 public:
  struct Vector {
    std::atomic<u32> count{0}; // members; 0 is a hint that spares the mask
    AtomicCpuMask mask;
  };

  /// Puts `cpu` at `level`; PriLevel::kNone takes it out.
  void set(CpuId cpu, PriLevel level);
  PriLevel level(CpuId cpu) const { return {levels_[cpu.value].load(std::memory_order_relaxed)}; }

  /// The CPUs of `allowed` at the lowest level below `level` that has any, into *lowest (may be null: the
  /// question alone). False, *lowest as it was: there is none. Whoever moves to a lower level during the
  /// search may be overlooked: it pulls.
  bool find(PriLevel level, const CpuMask& allowed, CpuMask* lowest) const;

  /// The steps of set, one at a time, so that tests can look in between.
  class Change {
   public:
    Change(CpuPri& pri, CpuId cpu, PriLevel level);
    static constexpr u32 kSteps = 4;
    void step(u32 n);

   private:
    CpuPri& pri_;
    CpuId cpu_;
    PriLevel from_;
    PriLevel to_;
  };
  /// One level's part of find: whether `vector` has members of `allowed`.
  static bool find_in(const Vector& vector, const CpuMask& allowed, CpuMask* lowest);
  const Vector& vector(i32 level) const { return vectors_[level]; }

 private:
  Vector vectors_[PriLevel::kCount];
  // Kept as value + 1, so that all zeroes, which needs no initialiser, is kNone.
  struct Level {
    std::atomic<i32> plus_one{0};
    i32 load(std::memory_order order) const { return plus_one.load(order) - 1; }
    void store(i32 value, std::memory_order order) { plus_one.store(value + 1, order); }
  };
  Level levels_[kMaxCpus];
};

} // namespace runnel::sched
