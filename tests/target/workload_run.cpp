// SPDX-License-Identifier: Apache-2.0
// Workloads on the kernel's own threads: what ends them, what they measure, and that nothing is left behind.
#include "kernel/mm/unique_ptr.hpp"
#include "kernel/test/test.hpp"
#include "kernel/workload/engine.hpp"

namespace runnel::workload {
namespace {

/// A parsed workload and the engine that ran it.
struct Run {
  UniquePtr<Workload> workload;
  UniquePtr<Engine> engine;
  bool ok = false;

  explicit Run(std::string_view text) : workload(make_unique<Workload>()) {
    if (!workload || !parse_workload(text, *workload)) return;
    engine = make_unique<Engine>(*workload);
    ok = engine && engine->run().has_value();
  }
  const Figures& figures(u32 thread) const { return engine->thread_at(thread).figures; }
};

#define HEAD(duration_ns, objects) "runnel-workload 2\nduration " #duration_ns "\nobjects " objects "\n"
#define NO_OBJECTS "mutexes=0 conditions=0 semaphores=0 timers=0"

// A run takes CPU time of its own, whatever else goes on: two threads on one CPU each get what they ask for.
RUNNEL_TEST(workload, run_means_own_cpu_time, .limit = 2_s)
{
  const Run run(HEAD(
      0,
      NO_OBJECTS) "task t instances=2 loop=2 delay=0 timers=0 cpus=0x1\nphase p loop=1\nrun 3000000\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kFinished);
  for (u32 i = 0; i < 2; ++i) {
    CHECK(run.figures(i).loops == 2u);
    CHECK(run.figures(i).run_time >= 6_ms);
    CHECK(run.figures(i).activations == 0u);
  }
  CHECK(run.engine->wall() >= 12_ms); // one CPU for both
}

RUNNEL_TEST(workload, duration_ends_endless_threads, .limit = 2_s)
{
  const Run run(HEAD(
      20000000,
      NO_OBJECTS) "task hog instances=2 loop=-1 delay=0 timers=0\nphase p loop=1\nrun 1000000\n"
                  "task sleeper instances=1 loop=-1 delay=0 timers=0\nphase p loop=1\nsleep 3600000000000\n"
                  "task late instances=1 loop=-1 delay=3600000000000 timers=0\nphase p loop=1\nrun 1\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kDuration);
  CHECK(run.engine->wall() >= 20_ms);
  CHECK(run.figures(2).activations == 0u);
  CHECK(run.figures(3).activations == 0u);
}

RUNNEL_TEST(workload, periodic_thread_keeps_its_period, .limit = 2_s)
{
  const Run run(HEAD(0, NO_OBJECTS) "task p instances=1 loop=10 delay=0 timers=1\nphase p loop=1\nrun "
                                    "100000\ntimer own 0 2000000 absolute\nend\n");
  REQUIRE(run.ok);
  const Figures& f = run.figures(0);
  CHECK(f.activations + f.overruns == 10u);
  CHECK(f.latency.count() == f.activations);
  CHECK(run.engine->wall() >= 20_ms); // the tenth period cannot end earlier
  CHECK(f.latency.min() <= f.latency.percentile(50));
  CHECK(f.latency.percentile(99) <= f.latency.max());
}

RUNNEL_TEST(workload, overruns_are_counted, .limit = 2_s)
{
  const Run run(HEAD(0, NO_OBJECTS) "task p instances=1 loop=5 delay=0 timers=1\nphase p loop=1\nrun "
                                    "2000000\ntimer own 0 1000000 relative\nend\n");
  REQUIRE(run.ok);
  CHECK(run.figures(0).overruns == 5u);
  CHECK(run.figures(0).activations == 0u);
}

RUNNEL_TEST(workload, semaphores_pass_a_token_between_cpus, .cpus = 2, .limit = 2_s)
{
  const Run run(HEAD(
      0, "mutexes=0 conditions=0 semaphores=2 timers=0") "task a instances=1 loop=50 delay=0 timers=0 "
                                                         "cpus=0x1\nphase p loop=1\nsem-post 0\nsem-wait 1\n"
                                                         "task b instances=1 loop=50 delay=0 timers=0 "
                                                         "cpus=0x2\nphase p loop=1\nsem-wait 0\nsem-post "
                                                         "1\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kFinished);
  CHECK(run.figures(0).loops == 50u);
  CHECK(run.figures(1).loops == 50u);
  CHECK(run.figures(0).migrations == 0u);
}

RUNNEL_TEST(workload, mutex_condition_and_barrier_meet, .cpus = 2, .limit = 3_s)
{
  const Run run(HEAD(
      0,
      "mutexes=1 conditions=1 semaphores=0 timers=0") "barrier-users 4\n"
                                                      "task w instances=3 loop=8 delay=0 timers=0\nphase p "
                                                      "loop=1\nlock 0\nrun 10000\nunlock 0\nbarrier 0\n"
                                                      "task last instances=1 loop=8 delay=0 timers=0\nphase "
                                                      "p "
                                                      "loop=1\nsleep 100000\nbarrier 0\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kFinished);
  for (u32 i = 0; i < 4; ++i) CHECK(run.figures(i).loops == 8u);
  for (u32 i = 0; i < 4; ++i) CHECK(run.figures(i).misuses == 0u);
}

// The barrier makes it certain: both hold one mutex before either asks for the other.
RUNNEL_TEST(workload, waits_that_nobody_ends_are_noticed, .limit = 2_s)
{
  const Run run(HEAD(
      0,
      "mutexes=2 conditions=0 semaphores=0 timers=0") "barrier-users 2\n"
                                                      "task a instances=1 loop=1 delay=0 timers=0\nphase p "
                                                      "loop=1\nlock 0\nbarrier 0\nlock 1\n"
                                                      "task b instances=1 loop=1 delay=0 timers=0\nphase p "
                                                      "loop=1\nlock 1\nbarrier 0\nlock 0\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kStalled);
  CHECK(run.figures(0).loops == 0u);
  CHECK(run.figures(1).loops == 0u);
}

RUNNEL_TEST(workload, misuse_is_counted_and_survived, .limit = 2_s)
{
  const Run run(
      HEAD(0, "mutexes=1 conditions=1 semaphores=0 timers=0") "task a instances=1 loop=1 delay=0 "
                                                              "timers=0\nphase p loop=1\nunlock 0\nlock "
                                                              "0\nlock 0\nunlock 0\nwait 0 0\nend\n");
  REQUIRE(run.ok);
  CHECK(run.figures(0).misuses == 3u);
  CHECK(run.figures(0).loops == 1u);
}

RUNNEL_TEST(workload, forked_threads_run_once, .limit = 2_s)
{
  const Run run(HEAD(
      0, "mutexes=0 conditions=0 semaphores=1 timers=0") "task server instances=1 loop=5 delay=0 "
                                                         "timers=0\nphase p loop=1\nfork 1\nsleep 500000\n"
                                                         "task child instances=0 loop=1 delay=0 "
                                                         "timers=0\nphase p loop=1\nrun 10000\nsem-post 0\n"
                                                         "task client instances=1 loop=5 delay=0 "
                                                         "timers=0\nphase p loop=1\nsem-wait 0\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kFinished);
  REQUIRE(run.engine->thread_count() == 7u);
  CHECK(run.engine->forks_refused() == 0u);
  for (u32 i = 2; i < 7; ++i) {
    CHECK(run.figures(i).loops == 1u);
    CHECK(run.engine->thread_at(i).instance == i - 2);
  }
  CHECK(run.figures(1).loops == 5u); // the client had every child's post
}

// A resume that finds nobody is lost, so the waker has to try more often than the sleeper needs.
RUNNEL_TEST(workload, resume_wakes_the_suspended, .limit = 2_s)
{
  const Run run(
      HEAD(0, NO_OBJECTS) "task sleeper instances=2 loop=3 delay=0 timers=0\nphase p loop=1\nsuspend\n"
                          "task waker instances=1 loop=300 delay=0 timers=0\nphase p loop=1\nresume 0\nsleep "
                          "100000\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kFinished);
  for (u32 i = 0; i < 2; ++i) CHECK(run.figures(i).activations == 3u);
}

RUNNEL_TEST(workload, phases_move_a_thread, .cpus = 2, .limit = 2_s)
{
  const Run run(
      HEAD(0, NO_OBJECTS) "task n instances=1 loop=4 delay=0 timers=0\nphase p loop=1 cpus=0x1\nrun "
                          "100000\nphase p loop=1 cpus=0x2\nrun 100000\nend\n");
  REQUIRE(run.ok);
  CHECK(run.figures(0).migrations >= 7u);
}

// D08's figures for one thread: a job is late when it ends after its period, by as much as it does.
RUNNEL_TEST(workload, late_jobs_are_counted_as_misses, .limit = 2_s, .time = test::GuestTime::kExact)
{
  const Run late(HEAD(0, NO_OBJECTS) "task p instances=1 loop=5 delay=0 timers=1\nphase p loop=1\nrun "
                                     "2000000\ntimer own 0 1000000 relative\nend\n");
  REQUIRE(late.ok);
  CHECK(late.figures(0).jobs.count == 5u);
  CHECK(late.figures(0).jobs.misses == 5u);
  CHECK(late.figures(0).jobs.lateness_max >= 1_ms);
  CHECK(late.figures(0).jobs.slack_min <= Duration{-1'000'000});
  const Run early(HEAD(0, NO_OBJECTS) "task p instances=1 loop=5 delay=0 timers=1\nphase p loop=1\nrun "
                                      "100000\ntimer own 0 20000000 absolute\nend\n");
  REQUIRE(early.ok);
  CHECK(early.figures(0).jobs.count == 5u);
  CHECK(early.figures(0).jobs.misses == 0u);
  CHECK(early.figures(0).jobs.response_max >= Duration{100'000});
  CHECK(early.figures(0).jobs.response_max + early.figures(0).jobs.slack_min == 20_ms);
}

// The threads that run see the end of time first: those that wait for each other then are no deadlock.
RUNNEL_TEST(workload, who_waits_at_the_end_of_time_is_not_stuck, .limit = 2_s,
            .time = test::GuestTime::kExact)
{
  const Run run(HEAD(10000000, NO_OBJECTS) "barrier-users 2\n"
                                           "task hog instances=8 loop=-1 delay=0 timers=0 policy=fifo "
                                           "priority=50\nphase p loop=1\n"
                                           "run 1000000\n"
                                           "task lonely instances=1 loop=1 delay=0 timers=0\nphase p loop=1\n"
                                           "barrier 0\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kDuration);
  CHECK(run.engine->wall() < 25_ms);
}

// A job that has not ended when the run is over, and whose deadline has passed, is a miss as well.
RUNNEL_TEST(workload, unfinished_late_jobs_are_misses, .limit = 2_s, .time = test::GuestTime::kExact)
{
  const Run run(HEAD(30000000, NO_OBJECTS) "task p instances=1 loop=1 delay=0 timers=1\nphase a loop=1\nrun "
                                           "100000\ntimer own 0 5000000 absolute\nphase b loop=1\nrun "
                                           "1000000000\ntimer own 0 5000000 absolute\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kDuration);
  CHECK(run.figures(0).jobs.count == 1u);
  CHECK(run.figures(0).jobs.misses == 1u);
  CHECK(run.figures(0).jobs.lateness_max >= 19_ms); // due at 10 ms, cut at 30
}

// What a thread does in a phase without a timer is no job, and takes nothing from the next one.
RUNNEL_TEST(workload, phases_without_timers_are_no_jobs, .limit = 2_s, .time = test::GuestTime::kExact)
{
  const Run run(HEAD(0, NO_OBJECTS) "task p instances=1 loop=2 delay=0 timers=1\nphase a loop=2\nrun "
                                    "100000\ntimer own 0 5000000 relative\nphase b loop=1\nrun "
                                    "30000000\nend\n");
  REQUIRE(run.ok);
  CHECK(run.figures(0).jobs.count == 4u);
  CHECK(run.figures(0).jobs.misses == 0u);
  CHECK(run.figures(0).jobs.response_max < 5_ms);
  CHECK(run.figures(0).overruns == 1u); // rt-app's view of the same: its timer's time had passed
}

// Policies are asked for before anything begins: the FIFO thread is first although it comes second.
RUNNEL_TEST(workload, policies_decide_who_runs, .limit = 2_s, .time = test::GuestTime::kExact)
{
  const Run run(
      HEAD(0, NO_OBJECTS) "task fair instances=1 loop=1 delay=0 timers=0 policy=other cpus=0x1\nphase p "
                          "loop=1\nrun 5000000\n"
                          "task rt instances=1 loop=1 delay=0 timers=0 policy=fifo priority=50 "
                          "cpus=0x1\nphase p loop=1\nrun 5000000\nend\n");
  REQUIRE(run.ok);
  CHECK(run.figures(1).preemptions == 0u);
  CHECK(run.figures(1).lifetime + 4_ms <= run.figures(0).lifetime);
  CHECK(run.figures(0).ran_on == 1u);
  CHECK(run.figures(1).ran_on == 1u);
}

// A phase changes the policy, and says so to the scheduler.
RUNNEL_TEST(workload, phases_change_policies, .limit = 2_s)
{
  const Run run(
      HEAD(0, NO_OBJECTS) "task t instances=1 loop=1 delay=0 timers=0 policy=other nice=5\nphase a "
                          "loop=1\nrun 10000\nphase b loop=1 policy=rr priority=7\nrun 10000\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kFinished);
  CHECK(run.engine->thread_at(0).params.policy == Policy::kRr);
  CHECK(run.engine->thread_at(0).params.priority == 7u);
}

// Reservations that do not fit end the run before it begins; the refusal names the task and the reason.
RUNNEL_TEST(workload, reservations_that_do_not_fit_are_refused, .limit = 2_s)
{
  const Run run(
      HEAD(0, NO_OBJECTS) "task greedy instances=65 loop=1 delay=0 timers=0 policy=deadline "
                          "runtime=90000000 deadline=100000000 period=100000000\nphase p loop=1\nrun "
                          "10000\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kRefused);
  CHECK(run.engine->refusal().starts_with("task greedy: deadline is refused: it needs 90.00 % of a CPU"));
  CHECK(run.engine->refusal().ends_with("(EBUSY)"));
  for (u32 i = 0; i < 65; ++i) CHECK(run.figures(i).loops == 0u);
}

// R13
RUNNEL_TEST(workload, mutexes_inherit_priorities, .limit = 3_s, .time = test::GuestTime::kExact)
{
  const Run run(
      HEAD(0, "mutexes=1 conditions=0 semaphores=0 timers=0") "task low instances=1 loop=1 delay=0 timers=0 "
                                                              "policy=fifo priority=10 cpus=0x1\nphase p "
                                                              "loop=1\nlock 0\nrun 5000000\nunlock 0\n"
                                                              "task medium instances=1 loop=1 delay=1000000 "
                                                              "timers=0 policy=fifo priority=50 "
                                                              "cpus=0x1\nphase p loop=1\nrun 50000000\n"
                                                              "task high instances=1 loop=1 delay=2000000 "
                                                              "timers=0 policy=fifo priority=90 "
                                                              "cpus=0x1\nphase p loop=1\nlock 0\nrun "
                                                              "100000\nunlock 0\nend\n");
  REQUIRE(run.ok);
  CHECK(run.engine->ending() == Ending::kFinished);
  CHECK(run.figures(2).lock_wait_max > 1_ms); // low was in the middle of it
  CHECK(run.figures(2).lock_wait_max < 6_ms); // and had 4 ms left; medium's 50 did not come between
}

} // namespace
} // namespace runnel::workload
