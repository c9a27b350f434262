// SPDX-License-Identifier: Apache-2.0
// A storm: tasks that do random things to each other on the simulated machine, in proportions of the test's
// choice.
#pragma once

#include "sched/sim/property.hpp"

namespace runnel {

/// How often each thing is done, relative to the others.
struct Storm {
  u32 compute = 4;
  u32 sleep = 2;
  u32 yield = 0;
  u32 wait = 4;     // for a post of another task
  u32 affinity = 0; // of oneself or another
  u32 pin = 0;      // a stretch under migrate_disable
  u32 policy = 0;   // change of policy, priority or nice value of oneself or another
  u32 deadline = 0; // oneself or another becomes a deadline task, if it is admitted
  u32 fork = 0;
  u32 stop = 0;         // a call in some CPU's stopper
  u32 lock = 0;         // a mutex or two, in any order
  u32 section = 0;      // several mutexes in ascending order, released in any; other things meanwhile
  bool hotplug = false; // all CPUs but the first go down and come up meanwhile
  bool mixed_classes = false;
  bool policy_deadline = false; // changes of policy lead into the deadline class as well
  Duration at_least{};          // of virtual time: the tasks go on until it is over, whatever their rounds
};

/// Runs it to its end, from the task "init": every task does c.rounds things, every post is waited for.
void run_storm(const Storm& storm, const sim::Case& c);

/// Nothing is lent to it, and it waits for no mutex.
bool has_only_its_own(const sched::Task& task);

/// A feature for the length of a test.
template <typename T> class WithFeature {
 public:
  WithFeature(T& feature, T value) : feature_(feature), before_(feature) { feature = value; }
  ~WithFeature() { feature_ = before_; }
  WithFeature(const WithFeature&) = delete;
  WithFeature& operator=(const WithFeature&) = delete;

 private:
  T& feature_;
  T before_;
};

/// FAILs the Catch2 test with what was found, if anything.
void require_property(sim::Property property);

} // namespace runnel
