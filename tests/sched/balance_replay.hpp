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
      : running_(cpus), since_(cpus, kNotWasting), ran_(cpus), may_run_(std::move(may_run)) {}

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
  /// ns each CPU ran something.
  const std::vector<u64>& busy() const { return ran_; }
  u64 migrations() const { return migrations_; }

 private:
  static constexpr u64 kNotWasting = ~u64{0};

  void apply(const trace::Event& e) {
    using enum trace::EventType;
    if (e.type == kSchedSwitch) {
      if (e.pid != 0 && (trace::packed_low(e.b) & 0xff) != 0) runnable_.erase(e.pid); // 0x100: preempted
      running_[e.cpu] = trace::packed_low(e.a);
    } else if (e.type == kSchedWakeup || e.type == kSchedWakeupNew) {
      runnable_[e.pid] = trace::packed_low(e.a);
    } else if (e.type == kSchedMigrateTask) {
      ++migrations_;
      if (const auto at = runnable_.find(e.pid); at != runnable_.end()) at->second = static_cast<u32>(e.b);
    }
  }

  void look(u64 now) {
    std::vector<u32> tasks(running_.size());
    for (const auto& [pid, cpu] : runnable_) ++tasks[cpu];
    for (u32 cpu = 0; cpu < running_.size(); ++cpu) {
      bool wasting = false;
      if (running_[cpu] == 0 && tasks[cpu] == 0)
        for (const auto& [pid, on] : runnable_)
          if (tasks[on] >= 2 && running_[on] != pid && may_run_(pid, cpu)) wasting = true;
      if (!wasting)
        since_[cpu] = kNotWasting;
      else if (since_[cpu] == kNotWasting)
        since_[cpu] = now;
    }
  }

  std::map<u32, u32> runnable_; // pid -> CPU
  std::vector<u32> running_;    // by CPU: pid, 0 idle
  std::vector<u64> since_;      // when it began to idle in spite of work elsewhere
  std::vector<u64> ran_;
  std::function<bool(u32, u32)> may_run_;
  u64 now_ = 0;
  u64 longest_ = 0;
  u64 migrations_ = 0;
  std::string where_;
};

} // namespace runnel::test
