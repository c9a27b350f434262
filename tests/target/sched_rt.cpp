// SPDX-License-Identifier: Apache-2.0
// The realtime class on one CPU: who runs before whom, and for how long (spec 4, 9.3).
#include "tests/target/rt_tasks.hpp"

#include <string_view>

namespace runnel {
namespace {

using sched::Policy;
using test::RtSpec;

// R01
RUNNEL_TEST(sched_rt, fifo_order_yield_to_tail_preempted_keeps_head, .limit = 2_s)
{
  test::Record record;
  Task* more_urgent = nullptr;
  auto body = [&](u32 i) {
    switch (i) {
    case 0:
      record.note('a');
      yield(); // behind b and c
      record.note('A');
      break;
    case 1:
      record.note('b');
      kthread_start(*more_urgent); // preempts; b goes on before c
      record.note('B');
      break;
    case 2:
      record.note('c');
      break;
    default:
      record.note('d');
    }
  };
  const test::Director director;
  test::RtThreads threads({RtSpec{}, RtSpec{}, RtSpec{}, RtSpec{.priority = 60}}, body);
  more_urgent = &threads[3];
  for (u32 i = 0; i < 3; ++i) threads.start(i);
  CHECK(std::string_view(record.text()).empty()); // all wait for the director
  threads.join();
  CHECK(std::string_view(record.text()) == "abdBcA");
}

// R01
RUNNEL_TEST(sched_rt, higher_priority_runs_first_and_fair_last, .limit = 2_s)
{
  test::Record record;
  auto body = [&](u32 i) { record.note(static_cast<char>('0' + i)); };
  const test::Director director;
  test::RtThreads threads({RtSpec{.priority = 1}, RtSpec{Policy::kNormal, 0}, RtSpec{.priority = 98},
                           RtSpec{.priority = 35}, RtSpec{Policy::kRr, 36}, RtSpec{.priority = 34}},
                          body);
  threads.start_all();
  threads.join();
  CHECK(std::string_view(record.text()) == "243501");
}

// R02
RUNNEL_TEST(sched_rt, rr_rotates_every_100_ms, .limit = 10_s, .time = test::GuestTime::kExact)
{
  constexpr u32 kTasks = 3;
  constexpr u32 kTurns = 2;
  Duration turns[kTasks][kTurns] = {};
  test::Record record;
  auto body = [&](u32 i) {
    for (Duration& turn : turns[i]) {
      record.note(static_cast<char>('a' + i));
      const Instant start = time::now();
      Instant last = start;
      // A turn ends with a gap: the two others ran.
      for (;;) {
        const Instant now = time::now();
        if ((now - last).ns > (50_ms).ns) break;
        last = now;
        if (&turn == &turns[i][kTurns - 1] && (now - start).ns > (98_ms).ns)
          break; // nobody may follow the last
        test::burn();
      }
      turn = last - start;
    }
  };
  const test::Director director;
  const RtSpec rr{Policy::kRr, 10};
  test::RtThreads threads({rr, rr, rr}, body);
  threads.start_all();
  threads.join();
  CHECK(std::string_view(record.text()) == "abcabc");
  for (const auto& of_task : turns) {
    // 25 ticks, the first of which may come at once; between a tick and a reading of the clock lies a little.
    CHECK(of_task[0].ns >= (96_ms - 50_us).ns);
    CHECK(of_task[0].ns <= (104_ms).ns);
    CHECK(of_task[1].ns >= (96_ms).ns); // its whole slice without being disturbed
  }
}

// R02: nobody to share with, nothing to switch for; FIFO beside RR is not cut into slices.
RUNNEL_TEST(sched_rt, slices_only_among_equals, .limit = 10_s, .time = test::GuestTime::kExact)
{
  test::Record record;
  auto body = [&](u32 i) {
    const Instant end = time::now() + 150_ms;
    while (time::now().is_before(end)) test::burn();
    record.note(static_cast<char>('0' + i));
  };
  const test::Director director;
  test::RtThreads threads(
      {RtSpec{Policy::kRr, 20}, RtSpec{Policy::kRr, 19}, RtSpec{.priority = 18}, RtSpec{.priority = 18}},
      body);
  u64 before[4];
  for (u32 i = 0; i < 4; ++i) before[i] = threads[i].stats.nivcsw;
  threads.start_all();
  sleep_for(700_ms);
  for (u32 i = 0; i < 4; ++i) CHECK(threads[i].stats.nivcsw == before[i]);
  threads.join();
  CHECK(std::string_view(record.text()) == "0123");
}

// R05
RUNNEL_TEST(sched_rt, lowering_oneself_goes_to_the_head, .limit = 2_s)
{
  test::Record record;
  auto body = [&](u32 i) {
    if (i == 0) {
      test::set_fifo(current_task(), 40); // where the others wait
      record.note('0');
      test::set_fifo(current_task(), 39); // below them
    }
    record.note(static_cast<char>('a' + i));
  };
  const test::Director director;
  test::RtThreads threads({RtSpec{.priority = 50}, RtSpec{.priority = 40}, RtSpec{.priority = 40}}, body);
  for (u32 i : {1u, 2u, 0u}) threads.start(i);
  threads.join();
  CHECK(std::string_view(record.text()) == "0bca");
}

// R05
RUNNEL_TEST(sched_rt, a_waiting_task_raised_goes_to_the_tail_lowered_to_the_head, .limit = 2_s)
{
  test::Record record;
  auto body = [&](u32 i) { record.note(static_cast<char>('a' + i)); };
  const test::Director director;
  test::RtThreads threads(
      {RtSpec{.priority = 50}, RtSpec{.priority = 50}, RtSpec{.priority = 40}, RtSpec{.priority = 60}}, body);
  threads.start_all();
  test::set_fifo(threads[2], 50); // raised: after a and b
  test::set_fifo(threads[3], 50); // lowered: before them
  threads.join();
  CHECK(std::string_view(record.text()) == "dabc");
}

// R01: neither a mask nor the same priority once more is a reason to queue again.
RUNNEL_TEST(sched_rt, affinity_change_keeps_the_place, .limit = 2_s)
{
  test::Record record;
  auto body = [&](u32 i) { record.note(static_cast<char>('a' + i)); };
  const test::Director director;
  test::RtThreads threads({RtSpec{}, RtSpec{}, RtSpec{}}, body);
  threads.start_all();
  CHECK(set_affinity(threads[0], CpuMask::of(CpuId{0})).has_value());
  test::set_fifo(threads[1], 50);
  threads.join();
  CHECK(std::string_view(record.text()) == "abc");
}

// A task that leaves the class lets the realtime ones run first.
RUNNEL_TEST(sched_rt, leaving_the_class_gives_way, .limit = 2_s)
{
  test::Record record;
  auto body = [&](u32 i) {
    if (i == 0) test::set_policy(current_task(), Policy::kNormal, 0);
    record.note(static_cast<char>('a' + i));
  };
  const test::Director director;
  test::RtThreads threads({RtSpec{.priority = 50}, RtSpec{.priority = 1}}, body);
  threads.start_all();
  threads.join();
  CHECK(std::string_view(record.text()) == "ba");
}

} // namespace
} // namespace runnel
