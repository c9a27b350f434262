// SPDX-License-Identifier: Apache-2.0
// Threads for tests: start some, join them all, before the test's locals go.
#pragma once

#include "kernel/smp/cpumask.hpp"
#include "kernel/task/kthread.hpp"
#include "kernel/test/test.hpp"
#include "kernel/time/burn.hpp"

namespace runnel::test {

/// Burns some four microseconds of CPU, with one turn for the other CPUs.
inline void burn() {
  time::burn(Duration{4000});
  arch::Cpu::relax();
}

/// Runs body(index) in `count` threads and waits for all. body is called by reference: it may use the test's
/// locals.
template <typename Body> class Threads {
 public:
  static constexpr u32 kMost = 64;

  /// `pin`: thread i may run on CPUs of pin(i) only.
  template <typename Pin> Threads(u32 count, Body& body, Pin pin) : count_(count) {
    REQUIRE(count <= kMost);
    for (u32 i = 0; i < count_; ++i) {
      args_[i] = {&body, i};
      const Result<Task*> task = kthread_create("test-thread", run, &args_[i], {.cpus = pin(i)});
      REQUIRE(task.has_value());
      tasks_[i] = *task;
    }
    for (u32 i = 0; i < count_; ++i) kthread_start(*tasks_[i]);
  }
  Threads(u32 count, Body& body) : Threads(count, body, [](u32) { return CpuMask::all(); }) {}
  ~Threads() { join(); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  void join() {
    for (u32 i = 0; i < count_; ++i) kthread_join(tasks_[i]);
    count_ = 0;
  }
  Task& operator[](u32 i) { return *tasks_[i]; }

 private:
  struct Arg {
    Body* body;
    u32 index;
  };
  static void run(void* arg) {
    auto& self = *static_cast<Arg*>(arg);
    (*self.body)(self.index);
  }

  u32 count_;
  Arg args_[kMost] = {};
  Task* tasks_[kMost] = {};
};

template <typename Body> void run_threads(u32 count, Body body) { Threads<Body> threads(count, body); }

/// One thread on each online CPU, pinned there.
template <typename Body> void run_on_each_cpu(Body body) {
  Threads<Body> threads(online_cpus().count(), body, [](u32 i) { return CpuMask::of(CpuId{i}); });
}

/// A place where n threads meet, any number of times.
class Barrier {
 public:
  explicit Barrier(u32 n) : n_(n) {}
  void wait() {
    const u32 round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release); // pairs with the acquire below
      return;
    }
    while (round_.load(std::memory_order_acquire) == round) yield();
  }

 private:
  u32 n_;
  std::atomic<u32> arrived_{0};
  std::atomic<u32> round_{0};
};

} // namespace runnel::test
