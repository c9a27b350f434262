// SPDX-License-Identifier: Apache-2.0
// Replays the scheduling events of a simulation: who was runnable where, and how long a CPU idled while
// another one had a task too many.
#pragma once

#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/trace_event.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace runnel::test {

class Replay {
 public:
  /// `may_run(pid, cpu)`: affinity, as far as it is limited.
  Replay(
      u32 cpus, std::function<bool(u32, u32)> may_run = [](u32, u32) { return true; })
      : running_(cpus), tasks_(cpus), since_(cpus, kNotWasting), ran_(cpus), may_run_(std::move(may_run)) {}

  void feed(const std::vector<trace::Event>& events) {
    for (const trace::Event& e : events) feed(e);
  }
  void feed(const trace::Event& e) {
    pass_time(e.time_ns);
    apply(e);
    look(e.time_ns);
  }
  /// Nothing more happens before `now`.
  void pass_time(u64 now) {
    for (std::size_t cpu = 0; cpu < running_.size(); ++cpu) {
      if (running_[cpu] != 0) ran_[cpu] += now - now_;
      if (since_[cpu] == kNotWasting || now - since_[cpu] <= longest_) continue;
      longest_ = now - since_[cpu];
      where_ = "cpu " + std::to_string(cpu) + " from " + std::to_string(since_[cpu]) + " to " +
               std::to_string(now);
    }
    now_ = now;
  }

  /// Longest time a CPU was idle while some other one had two tasks or more, one of which might have run
  /// here.
  u64 longest_waste() const { return longest_; }
  const std::string& where() const { return where_; }
  /// Runnable tasks of each CPU, the running one included.
  const std::vector<u32>& tasks() const { return tasks_; }
  /// ns each CPU ran something.
  const std::vector<u64>& busy() const { return ran_; }
  u64 migrations() const { return migrations_; }

 private:
  static constexpr u64 kNotWasting = ~u64{0};

  void apply(const trace::Event& e) {
    using enum trace::EventType;
    if (e.type == kSchedSwitch) {
      if (e.pid != 0 && (trace::packed_low(e.b) & 0xff) != 0) remove(e.pid); // 0x100: preempted
      running_[e.cpu] = trace::packed_low(e.a);
    } else if (e.type == kSchedWakeup || e.type == kSchedWakeupNew) {
      put(e.pid, trace::packed_low(e.a));
    } else if (e.type == kSchedMigrateTask) {
      ++migrations_;
      if (runnable_.contains(e.pid)) put(e.pid, static_cast<u32>(e.b));
    }
  }

  void remove(u32 pid) {
    const auto at = runnable_.find(pid);
    if (at == runnable_.end()) return;
    --tasks_[at->second];
    runnable_.erase(at);
  }
  void put(u32 pid, u32 cpu) {
    remove(pid);
    runnable_[pid] = cpu;
    ++tasks_[cpu];
  }

  void look(u64 now) {
    std::vector<u32> waiting; // beside others, on CPUs that have too many
    bool known = false;
    for (u32 cpu = 0; cpu < running_.size(); ++cpu) {
      bool wasting = false;
      if (running_[cpu] == 0 && tasks_[cpu] == 0) {
        if (!known)
          for (const auto& [pid, on] : runnable_)
            if (tasks_[on] >= 2 && running_[on] != pid) waiting.push_back(pid);
        known = true;
        for (const u32 pid : waiting) wasting = wasting || may_run_(pid, cpu);
      }
      if (!wasting)
        since_[cpu] = kNotWasting;
      else if (since_[cpu] == kNotWasting)
        since_[cpu] = now;
    }
  }

  std::map<u32, u32> runnable_; // pid -> CPU
  std::vector<u32> running_;    // by CPU: pid, 0 idle
  std::vector<u32> tasks_;      // by CPU: runnable ones
  std::vector<u64> since_;      // when it began to idle in spite of work elsewhere
  std::vector<u64> ran_;
  std::function<bool(u32, u32)> may_run_;
  u64 now_ = 0;
  u64 longest_ = 0;
  u64 migrations_ = 0;
  std::string where_;
};

} // namespace runnel::test
