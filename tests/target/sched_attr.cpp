// SPDX-License-Identifier: Apache-2.0

// sched_setattr and its like, as the kernel calls them (spec sched_core 5.10, 1.19).
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

#include <sched/attr.hpp>
#include <sched/sched.hpp>

namespace runnel {
namespace {

using sched::Policy;
using sched::sched_getattr;
using sched::sched_setattr;
using sched::SchedAttr;
using sched::SchedRights;

SchedAttr attr_of(Policy policy, u32 priority = 0) {
  SchedAttr attr;
  attr.policy = static_cast<u32>(policy);
  attr.priority = priority;
  return attr;
}

SchedAttr deadline_attr(u64 runtime, u64 deadline, u64 period) {
  SchedAttr attr = attr_of(Policy::kDeadline);
  attr.runtime = runtime;
  attr.deadline = deadline;
  attr.period = period;
  return attr;
}

/// The current thread is an ordinary one again afterwards.
struct Ordinary {
  ~Ordinary() {
    const bool was_deadline = current_task().policy == Policy::kDeadline;
    CHECK(sched_setattr(current_task(), SchedAttr{}).has_value());
    if (was_deadline) sleep_for(20_ms); // its bandwidth, and a reference to it, are held until its 0-lag time
  }
};

RUNNEL_TEST(sched_attr, what_is_set_is_read_back, .time = test::GuestTime::kExact)
{
  const Ordinary after;
  Task& self = current_task();
  SchedAttr attr = attr_of(Policy::kBatch);
  attr.nice = 7;
  attr.runtime = 3'000'000;
  REQUIRE(sched_setattr(self, attr).has_value());
  Result<SchedAttr> read = sched_getattr(self, 0);
  REQUIRE(read.has_value());
  CHECK(read->policy == static_cast<u32>(Policy::kBatch));
  CHECK(read->nice == 7);
  CHECK(read->runtime == 3'000'000u);
  CHECK(read->size == 56u);

  REQUIRE(sched_setattr(self, attr_of(Policy::kRr, 42)).has_value());
  read = sched_getattr(self, 0);
  CHECK(read->policy == static_cast<u32>(Policy::kRr));
  CHECK(read->priority == 42u);
  CHECK(read->nice == 0); // only fair tasks report it

  REQUIRE(sched_setattr(self, deadline_attr(1'000'000, 5'000'000, 10'000'000)).has_value());
  read = sched_getattr(self, 0);
  CHECK(read->policy == static_cast<u32>(Policy::kDeadline));
  CHECK(read->runtime == 1'000'000u);
  CHECK(read->deadline == 5'000'000u);
  CHECK(read->period == 10'000'000u);
}

RUNNEL_TEST(sched_attr, impossible_values_are_refused)
{
  const Ordinary after;
  Task& self = current_task();
  const auto refused = [&](const SchedAttr& attr) { return sched_setattr(self, attr) == err(Errno::kINVAL); };
  CHECK(refused(attr_of(static_cast<Policy>(4))));
  CHECK(refused(attr_of(Policy::kExt))); // not built yet
  CHECK(refused(attr_of(static_cast<Policy>(99))));
  CHECK(refused(attr_of(Policy::kFifo, 0)));
  CHECK(refused(attr_of(Policy::kFifo, 100)));
  CHECK(refused(attr_of(Policy::kNormal, 1)));
  SchedAttr unknown_flag;
  unknown_flag.flags = 0x80;
  CHECK(refused(unknown_flag));
  SchedAttr internal;
  internal.flags = sched::kSchedFlagInternal;
  CHECK(refused(internal));
  SchedAttr clamp;
  clamp.flags = sched::kSchedFlagUtilClampMin;
  CHECK(sched_setattr(self, clamp) == err(Errno::kOPNOTSUPP));
  // Nice is clamped, not refused.
  SchedAttr nice;
  nice.nice = 100;
  CHECK(sched_setattr(self, nice).has_value());
  CHECK(self.nice() == 19);
  // Deadline: runtime <= deadline <= period, runtime at least 1024 ns, period within its limits.
  CHECK(refused(deadline_attr(0, 0, 0)));
  CHECK(refused(deadline_attr(1023, 1'000'000, 1'000'000)));
  CHECK(refused(deadline_attr(2'000'000, 1'000'000, 1'000'000)));
  CHECK(refused(deadline_attr(1'000'000, 3'000'000, 2'000'000)));
  CHECK(refused(deadline_attr(50'000, 99'000, 99'000)));
  CHECK(refused(deadline_attr(50'000, u64{1} << 63, u64{1} << 63)));
}

RUNNEL_TEST(sched_attr, rights)
{
  const Ordinary after;
  Task& self = current_task();
  const SchedRights none{.cap_sys_nice = false, .same_owner = true, .rlimit_nice = 0, .rlimit_rtprio = 0};
  const auto forbidden = [&](const SchedAttr& attr, const SchedRights& rights) {
    return sched_setattr(self, attr, rights) == err(Errno::kPERM);
  };
  SchedAttr up;
  up.nice = -1;
  SchedAttr down;
  down.nice = 5;
  CHECK(forbidden(up, none));
  CHECK(sched_setattr(self, down, none).has_value());
  CHECK(forbidden(SchedAttr{}, none)); // back from 5 to 0
  SchedRights nice_room = none;
  nice_room.rlimit_nice = 20;
  CHECK(sched_setattr(self, SchedAttr{}, nice_room).has_value());
  CHECK(forbidden(attr_of(Policy::kFifo, 1), none));
  SchedRights rt_room = none;
  rt_room.rlimit_rtprio = 10;
  CHECK(forbidden(attr_of(Policy::kFifo, 11), rt_room));
  CHECK(sched_setattr(self, attr_of(Policy::kFifo, 10), rt_room).has_value());
  CHECK(sched_setattr(self, attr_of(Policy::kFifo, 3), none).has_value()); // lowering is free
  CHECK(forbidden(deadline_attr(1'000'000, 10'000'000, 10'000'000), rt_room));
  CHECK(sched_setattr(self, attr_of(Policy::kIdle)).has_value());
  CHECK(forbidden(attr_of(Policy::kNormal), none)); // leaving IDLE needs room for nice 0
  SchedRights stranger = nice_room;
  stranger.same_owner = false;
  CHECK(forbidden(attr_of(Policy::kNormal), stranger));
  CHECK(sched_setattr(self, SchedAttr{}).has_value());
  SchedAttr sticky;
  sticky.flags = sched::kSchedFlagResetOnFork;
  CHECK(sched_setattr(self, sticky, none).has_value());
  CHECK(forbidden(SchedAttr{}, none)); // it may not be taken back
  CHECK(sched::set_user_nice(self, -5, none) == err(Errno::kACCES));
}

RUNNEL_TEST(sched_attr, keep_policy_and_keep_params)
{
  const Ordinary after;
  Task& self = current_task();
  REQUIRE(sched_setattr(self, attr_of(Policy::kFifo, 20)).has_value());
  SchedAttr attr = attr_of(Policy::kNormal, 30);
  attr.flags = sched::kSchedFlagKeepPolicy;
  REQUIRE(sched_setattr(self, attr).has_value());
  CHECK(self.policy == Policy::kFifo);
  CHECK(self.rt_priority == 30u);
  attr = attr_of(Policy::kFifo, 7);
  attr.flags = sched::kSchedFlagKeepParams | sched::kSchedFlagResetOnFork;
  REQUIRE(sched_setattr(self, attr).has_value());
  CHECK(self.rt_priority == 30u);
  CHECK(self.reset_on_fork);
}

RUNNEL_TEST(sched_attr, old_calls_keep_nice_and_slice)
{
  const Ordinary after;
  Task& self = current_task();
  SchedAttr attr;
  attr.nice = 3;
  attr.runtime = 5'000'000;
  REQUIRE(sched_setattr(self, attr).has_value());
  REQUIRE(sched::sched_setscheduler(self, static_cast<u32>(Policy::kBatch), 0).has_value());
  Result<SchedAttr> read = sched_getattr(self, 0);
  CHECK(read->nice == 3);
  CHECK(read->runtime == 5'000'000u);
  CHECK(sched::sched_setscheduler(self, static_cast<u32>(Policy::kDeadline), 0) == err(Errno::kINVAL));
  CHECK(sched::sched_setscheduler(self, ~0u, 0) == err(Errno::kINVAL));
  REQUIRE(sched::sched_setscheduler(self, static_cast<u32>(Policy::kRr) | sched::kSchedResetOnFork, 5)
              .has_value());
  CHECK(self.reset_on_fork);
  REQUIRE(sched::sched_setparam(self, 9).has_value());
  CHECK(self.rt_priority == 9u);
  CHECK(self.reset_on_fork);
  CHECK(sched::sched_setparam(self, 0) == err(Errno::kINVAL));
  CHECK(*sched::sched_get_priority_max(1) == 99u);
  CHECK(*sched::sched_get_priority_min(2) == 1u);
  CHECK(*sched::sched_get_priority_max(0) == 0u);
  CHECK(sched::sched_get_priority_max(4) == err(Errno::kINVAL));
}

// C30
RUNNEL_TEST(sched_attr, a_child_inherits_or_is_reset)
{
  const Ordinary after;
  Task& self = current_task();
  struct Case {
    SchedAttr parent;
    bool reset;
    Policy policy;
    i32 nice;
    u32 priority;
  };
  SchedAttr nice5, nice_minus5;
  nice5.nice = 5;
  nice_minus5.nice = -5;
  const Case cases[] = {
      {SchedAttr{}, false, Policy::kNormal, 0, 0},
      {nice5, false, Policy::kNormal, 5, 0},
      {nice5, true, Policy::kNormal, 5, 0},
      {nice_minus5, false, Policy::kNormal, -5, 0},
      {nice_minus5, true, Policy::kNormal, 0, 0},
      {attr_of(Policy::kBatch), true, Policy::kBatch, 0, 0},
      {attr_of(Policy::kFifo, 40), false, Policy::kFifo, 0, 40},
      {attr_of(Policy::kFifo, 40), true, Policy::kNormal, 0, 0},
      {attr_of(Policy::kRr, 1), true, Policy::kNormal, 0, 0},
  };
  for (const Case& c : cases) {
    SchedAttr parent = c.parent;
    if (c.reset) parent.flags |= sched::kSchedFlagResetOnFork;
    REQUIRE(sched_setattr(self, parent).has_value());
    sched::Task child;
    sched::sched_init_task(child, CpuMask::all());
    REQUIRE(sched::sched_fork(child).has_value());
    CHECK(child.policy == c.policy);
    CHECK(child.nice() == c.nice);
    CHECK(child.rt_priority == c.priority);
    CHECK(!child.reset_on_fork);
    CHECK(child.prio == child.normal_prio);
  }
}

// D20
RUNNEL_TEST(sched_attr, a_deadline_task_does_not_fork, .time = test::GuestTime::kExact)
{
  const Ordinary after;
  SchedAttr attr = deadline_attr(1'000'000, 10'000'000, 10'000'000);
  REQUIRE(sched_setattr(current_task(), attr).has_value());
  sched::Task child;
  sched::sched_init_task(child, CpuMask::all());
  CHECK(sched::sched_fork(child) == err(Errno::kAGAIN));
  attr.flags = sched::kSchedFlagResetOnFork;
  REQUIRE(sched_setattr(current_task(), attr).has_value());
  CHECK(sched::sched_fork(child).has_value());
  CHECK(child.policy == Policy::kNormal);
  CHECK(child.nice() == 0);
}

// D21
RUNNEL_TEST(sched_attr, deadline_and_affinity, .cpus = 2, .time = test::GuestTime::kExact)
{
  const Ordinary after;
  Task& self = current_task();
  const SchedAttr attr = deadline_attr(1'000'000, 10'000'000, 10'000'000);
  REQUIRE(set_affinity(self, CpuMask::of(CpuId{0})).has_value());
  CHECK(sched_setattr(self, attr) == err(Errno::kPERM));
  REQUIRE(set_affinity(self, CpuMask::all()).has_value());
  REQUIRE(sched_setattr(self, attr).has_value());
  CHECK(set_affinity(self, CpuMask::of(CpuId{0})) == err(Errno::kBUSY));
}

// D26
RUNNEL_TEST(sched_attr, getattr_flags_by_policy, .time = test::GuestTime::kExact)
{
  const Ordinary after;
  Task& self = current_task();
  constexpr u32 kFlags[] = {1, 2, 3, ~0u};
  const auto refuses_all_but = [&](u32 allowed) {
    bool right = sched_getattr(self, 0).has_value();
    for (const u32 flags : kFlags) {
      const Result<SchedAttr> answer = sched_getattr(self, flags);
      right &= flags == allowed ? answer.has_value() : !answer && answer.error() == Errno::kINVAL;
    }
    return right;
  };
  CHECK(refuses_all_but(0));
  REQUIRE(sched_setattr(self, attr_of(Policy::kFifo, 10)).has_value());
  CHECK(refuses_all_but(0));
  REQUIRE(sched_setattr(self, deadline_attr(1'000'000, 10'000'000, 10'000'000)).has_value());
  CHECK(refuses_all_but(sched::kSchedGetattrFlagDlDynamic));
}

} // namespace
} // namespace runnel
