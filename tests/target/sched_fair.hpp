// SPDX-License-Identifier: Apache-2.0
// What the tests of the fair class share: busy threads on one CPU and what each got of it.
#pragma once

#include "kernel/sync/completion.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

#include <sched/attr.hpp>
#include <sched/fair_params.hpp>
#include <span>

namespace runnel::test {

struct FairParams {
  i32 nice = 0;
  sched::Policy policy = sched::Policy::kNormal;
  Duration slice = {}; // 0: the default
};

inline void set_fair(Task& p, const FairParams& params) {
  sched::SchedAttr attr;
  attr.policy = static_cast<u32>(params.policy);
  attr.nice = params.nice;
  attr.runtime = static_cast<u64>(params.slice.ns);
  REQUIRE(sched::sched_setattr(p, attr).has_value());
}

/// Allowance for e of FB2 and FB3: interrupts, the test's own thread, what the kernel does besides.
inline constexpr Duration kOff = 500_us;

/// r_max + T + e of spec 3.11.
inline Duration fair_bound(Duration longest_slice) { return longest_slice + sched::port::kTick + kOff; }

/// The last CPU. The test's own thread goes to CPU 0: out of the way, where there is more than one.
inline CpuId busy_cpu() {
  CHECK(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  return CpuId{online_cpus().count() - 1};
}

/// Busy threads with their parameters (from their first request on), all on one CPU, until the object goes.
class Hogs {
 public:
  static constexpr u32 kMost = 8;

  explicit Hogs(std::span<const FairParams> params, CpuId cpu = busy_cpu())
      : threads_(static_cast<u32>(params.size()), body_, [cpu](u32) { return CpuMask::of(cpu); }),
        count_(static_cast<u32>(params.size())) {
    sleep_for(1_ms); // they wait at the gate: what is set now counts from the first request on
    for (u32 i = 0; i < count_; ++i) {
      set_fair(threads_[i], params[i]);
      const Duration slice{static_cast<i64>(sched::fair_slice(threads_[i]))};
      if (slice > longest_slice_) longest_slice_ = slice;
    }
    gate_.complete_all();
  }
  ~Hogs() { stop_.store(true, std::memory_order_relaxed); }

  Task& operator[](u32 i) { return threads_[i]; }
  Duration longest_slice() const { return longest_slice_; }

  /// What each ran during `window`, and all together.
  struct Service {
    Duration of[kMost];
    Duration all;
  };
  Service during(Duration window) {
    Service service;
    for (u32 i = 0; i < count_; ++i) service.of[i] = sched::task_runtime(threads_[i]);
    sleep_for(window);
    for (u32 i = 0; i < count_; ++i) {
      service.of[i] = sched::task_runtime(threads_[i]) - service.of[i];
      service.all += service.of[i];
    }
    return service;
  }

 private:
  struct Busy {
    Completion& gate;
    std::atomic<bool>& stop;
    void operator()(u32) const {
      gate.wait();
      while (!stop.load(std::memory_order_relaxed)) burn();
    }
  };

  Completion gate_;
  std::atomic<bool> stop_{false};
  Busy body_{gate_, stop_};
  Duration longest_slice_;
  Threads<Busy> threads_;
  u32 count_;
};

} // namespace runnel::test
