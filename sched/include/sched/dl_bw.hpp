// SPDX-License-Identifier: Apache-2.0
// Admitted deadline bandwidth of a root domain (spec 5.5): what may be promised and what is. Owned by
// sched/deadline.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/thread_safety.hpp"
#include "kernel/lib/types.hpp"

#include <atomic>
#include <sched/port.hpp>

namespace runnel::sched {

/// The arithmetic; bandwidths have 20 fraction bits and are of one CPU. Pure; not locked.
class DlBandwidth {
 public:
  static constexpr u64 kUnlimited = ~u64{0};
  static constexpr u64 kFullCpu = 1024; // capacity of a whole CPU

  /// sched_rt_period_us and sched_rt_runtime_us (-1: unlimited). kINVAL: values that make no sense (spec
  /// RT11). kBUSY: `cpus` could no longer hold what is admitted. The old limit stays on an error.
  Result<> set_limit(u64 period_us, i64 runtime_us, u32 cpus);

  /// By how much `total - old_bw + new_bw` is more than CPUs of together `capacity` may hold; 0: it fits.
  u64 missing(u64 capacity, u64 old_bw, u64 new_bw) const;
  bool overflows(u64 capacity, u64 old_bw, u64 new_bw) const {
    return missing(capacity, old_bw, new_bw) != 0;
  }

  void add(u64 bw) { total_ += bw; }
  void sub(u64 bw);
  void reset() { total_ = 0; }

  u64 total() const { return total_; }
  u64 limit() const { return limit_; } // of one CPU; kUnlimited
  bool is_limited() const { return limit_ != kUnlimited; }
  u64 period_us() const { return period_us_; }
  i64 runtime_us() const { return runtime_us_; }
  /// Most that dl work may use of one CPU, 1 when unlimited; and its inverse with 8 fraction bits (spec 5.6).
  u64 max_bw() const;
  u64 bw_ratio() const;

 private:
  u64 period_us_ = 1000000;
  i64 runtime_us_ = 950000;
  u64 limit_ = (u64{950000} << 20) / 1000000;
  u64 total_ = 0;
};

/// The accounts of a root domain, with their lock (inside the rq locks).
struct DlBw {
  port::Lock lock{port::LockRank::kRootDomain};
  DlBandwidth account GUARDED_BY(lock);
  // What the charge of RECLAIM tasks reads without the lock: max_bw, bw_ratio, and the part of max_bw that no
  // admitted entity has claimed. Written with the lock held.
  std::atomic<u64> max_bw{(u64{950000} << 20) / 1000000};
  std::atomic<u64> bw_ratio{269};
  std::atomic<u64> extra_bw{(u64{950000} << 20) / 1000000};
};

} // namespace runnel::sched
