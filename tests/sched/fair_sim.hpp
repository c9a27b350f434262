// SPDX-License-Identifier: Apache-2.0
// Fair tasks on the simulated machine, with their attributes in force from their first request on.
#pragma once

#include "sched/sim/machine.hpp"

#include <catch2/catch.hpp>
#include <sched/attr.hpp>
#include <sched/fair_params.hpp>
#include <sched/features.hpp>
#include <sched/rq.hpp>

namespace runnel::sched::test {

struct FairParams {
  i32 nice = 0;
  Policy policy = Policy::kNormal;
  Duration slice = {}; // 0: the default
};

inline void set_fair(Task& p, const FairParams& params) {
  SchedAttr attr;
  attr.policy = static_cast<u32>(params.policy);
  attr.nice = params.nice;
  attr.runtime = static_cast<u64>(params.slice.ns);
  REQUIRE(sched_setattr(p, attr).has_value());
}

/// Tasks that wait at a gate, get their parameters, and then run `body(index)` all at once.
class FairTasks {
 public:
  FairTasks(const std::vector<FairParams>& params, const CpuMask& cpus, std::function<void(usize)> body)
      : body_(std::move(body)) {
    for (usize i = 0; i < params.size(); ++i)
      tasks_.push_back(sim::spawn({.name = "fair" + std::to_string(i), .cpus = cpus}, [this, i] {
        sim::wait_until([this] { return open_; });
        body_(i);
      }));
    sim::sleep(100_ms); // all wait, none owes time
    for (usize i = 0; i < params.size(); ++i) set_fair(*tasks_[i], params[i]);
  }
  void open() {
    open_ = true;
    for (const sim::TaskRef& task : tasks_) sim::wake(*task);
  }
  sim::Task& operator[](usize i) { return *tasks_[i]; }
  usize size() const { return tasks_.size(); }
  /// What each ran so far.
  std::vector<Duration> runtimes() {
    std::vector<Duration> all;
    for (const sim::TaskRef& task : tasks_) all.push_back(task_runtime(*task));
    return all;
  }
  void join() {
    for (const sim::TaskRef& task : tasks_) sim::join(task);
  }

 private:
  std::function<void(usize)> body_;
  bool open_ = false;
  std::vector<sim::TaskRef> tasks_;
};

} // namespace runnel::sched::test
