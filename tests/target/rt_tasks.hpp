// SPDX-License-Identifier: Apache-2.0
// Threads of chosen policy and priority, for tests of the realtime class.
#pragma once

#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

#include <sched/attr.hpp>
#include <sched/features.hpp>

namespace runnel::test {

inline void set_policy(Task& task, sched::Policy policy, u32 rt_priority) {
  const Result<> done = sched::sched_setscheduler(task, static_cast<u32>(policy), rt_priority);
  CHECK(done.has_value());
}
inline void set_fifo(Task& task, u32 rt_priority) { set_policy(task, sched::Policy::kFifo, rt_priority); }

/// The current thread directs the test: pinned to CPU 0, above all whom it starts. As it was at the end.
class Director {
 public:
  explicit Director(CpuMask cpus = CpuMask::of(CpuId{0})) : before_(current_task().cpus_mask) {
    REQUIRE(set_affinity(current_task(), cpus).has_value());
    set_fifo(current_task(), 99);
  }
  ~Director() {
    set_policy(current_task(), sched::Policy::kNormal, 0);
    CHECK(set_affinity(current_task(), before_).has_value());
  }
  Director(const Director&) = delete;
  Director& operator=(const Director&) = delete;

 private:
  CpuMask before_;
};

/// Proxy execution for the length of a test, whatever the kernel was booted with. No mutex of the system may
/// be waited for at either end.
enum class Proxy { kOff, kOn };
class ProxySwitch {
 public:
  explicit ProxySwitch(Proxy proxy, sched::ProxyLevel level = sched::ProxyLevel::kWakeReturn) {
    sched::features.proxy_level = level;
    sched::features.proxy_exec = proxy == Proxy::kOn;
  }
  ~ProxySwitch() {
    sched::features.proxy_exec = before_;
    sched::features.proxy_level = sched::ProxyLevel::kWakeReturn;
  }
  ProxySwitch(const ProxySwitch&) = delete;
  ProxySwitch& operator=(const ProxySwitch&) = delete;

 private:
  bool before_ = sched::features.proxy_exec;
};

/// What a thread of RtThreads is.
struct RtSpec {
  sched::Policy policy = sched::Policy::kFifo;
  u32 priority = 50;
  CpuMask cpus = CpuMask::of(CpuId{0});
};

/// Like Threads, but each has its policy before it starts, and they start one by one with start().
template <typename Body> class RtThreads {
 public:
  RtThreads(std::initializer_list<RtSpec> specs, Body& body)
      : RtThreads(specs.begin(), static_cast<u32>(specs.size()), body) {}
  RtThreads(const RtSpec* specs, u32 count, Body& body) : count_(count) {
    REQUIRE(count <= kMost);
    for (u32 i = 0; i < count_; ++i) {
      args_[i] = {&body, i};
      const Result<Task*> task = kthread_create("rt-thread", run, &args_[i], {.cpus = specs[i].cpus});
      REQUIRE(task.has_value());
      tasks_[i] = *task;
      set_policy(*tasks_[i], specs[i].policy, specs[i].priority);
    }
  }
  ~RtThreads() { join(); }
  RtThreads(const RtThreads&) = delete;
  RtThreads& operator=(const RtThreads&) = delete;

  void start(u32 i) { kthread_start(*tasks_[i]); }
  void start_all() {
    for (u32 i = 0; i < count_; ++i) start(i);
  }
  void join() {
    for (u32 i = 0; i < count_; ++i) kthread_join(tasks_[i]);
    count_ = 0;
  }
  Task& operator[](u32 i) { return *tasks_[i]; }
  u32 count() const { return count_; }

 private:
  static constexpr u32 kMost = 32;
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

/// The order in which things happened.
class Record {
 public:
  void note(char what) {
    const u32 n = count_.fetch_add(1);
    if (n < sizeof text_ - 1) text_[n] = what;
  }
  const char* text() const { return text_; }

 private:
  std::atomic<u32> count_{0};
  char text_[64] = {};
};

} // namespace runnel::test
