// SPDX-License-Identifier: Apache-2.0
// Priority inheritance of mutexes (spec 4.1, 5.9; catalogue R13, R14, D31). Those who look at what is lent
// switch proxy execution off, under which a mutex lends a context and no priority.
#include "tests/target/dl_tasks.hpp"

#include <sched/mutex.hpp>
#include <sched/sched_class.hpp>
#include <string_view>

namespace runnel {
namespace {

using sched::Policy;
using test::RtSpec;

void burn_for(Duration d) {
  const Duration until = sched::task_runtime(current_task()) + d; // its own time, not the clock's
  while (sched::task_runtime(current_task()) < until) test::burn();
}

bool has_only_its_own(Task& task) {
  return task.prio == task.normal_prio && !task.pi.lent.lends() && task.pi.donations.empty() &&
         task.pi.waiter == nullptr && !task.dl.is_boosted() &&
         task.sched_class == &sched::class_of(task.policy, task.normal_prio);
}

/// A low owner of `owner_spec`, then a hog and a high waiter: how long the waiter waits for a section of 4
/// ms.
void check_inversion_is_bounded(RtSpec owner_spec) {
  sched::Mutex mutex;
  Duration waited;
  bool owner_clean = false;
  auto body = [&](u32 i) {
    if (i == 1) return burn_for(30_ms);
    const Instant start = time::now();
    CHECK(mutex.lock().has_value());
    if (i == 2) waited = time::now() - start;
    if (i == 0) burn_for(4_ms);
    mutex.unlock();
    if (i == 0) owner_clean = has_only_its_own(current_task());
  };
  const test::ProxySwitch boosts(test::Proxy::kOff);
  const test::Director director;
  test::RtThreads threads({owner_spec, RtSpec{.priority = 50}, RtSpec{.priority = 90}}, body);
  threads.start(0);
  sleep_for(1_ms);
  CHECK(mutex.owner() == &threads[0]);
  threads.start(1);
  threads.start(2);
  sleep_for(500_us);
  CHECK(threads[0].prio == sched::rt_to_prio(90));
  CHECK(threads[0].normal_prio != sched::rt_to_prio(90)); // its own parameters never change
  threads.join();
  CHECK(owner_clean);
  CHECK(waited.ns > (2_ms).ns);
  CHECK(waited.ns < (4_ms).ns); // 1 ms of the section was over before
}

// R13
RUNNEL_TEST(sched_pi, inversion_is_bounded_by_the_section_rt_owner, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  check_inversion_is_bounded({.priority = 10});
}

// R13
RUNNEL_TEST(sched_pi, inversion_is_bounded_by_the_section_fair_owner, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  check_inversion_is_bounded({Policy::kNormal, 0});
}

// R14
RUNNEL_TEST(sched_pi, chain_of_8_locks_carries_the_priority_and_undoes_it, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  constexpr u32 kLocks = 8;
  sched::Mutex mutexes[kLocks];
  std::atomic<bool> release{false};
  u32 clean = 0;
  // Thread i owns lock i and waits for lock i - 1; the last one owns none.
  auto body = [&](u32 i) {
    if (i < kLocks) CHECK(mutexes[i].lock().has_value());
    if (i == 0) {
      while (!release.load()) sleep_for(100_us);
    } else {
      CHECK(mutexes[i - 1].lock().has_value());
      mutexes[i - 1].unlock();
    }
    if (i < kLocks) mutexes[i].unlock();
    clean += has_only_its_own(current_task());
  };
  const test::ProxySwitch boosts(test::Proxy::kOff);
  const test::Director director;
  RtSpec specs[kLocks + 1];
  for (u32 i = 0; i <= kLocks; ++i) specs[i] = {.priority = 10 + i};
  {
    test::RtThreads threads(specs, kLocks + 1, body);
    for (u32 i = 0; i <= kLocks; ++i) {
      threads.start(i);
      sleep_for(200_us);
    }
    const auto all_at = [&](u32 rt_priority) {
      u32 n = 0;
      for (u32 i = 0; i <= kLocks; ++i) n += threads[i].prio == sched::rt_to_prio(rt_priority);
      return n == kLocks + 1;
    };
    CHECK(all_at(18));
    test::set_fifo(threads[kLocks], 80);
    CHECK(all_at(80));
    test::set_fifo(threads[4], 90); // in the middle: those before it stay
    for (u32 i = 0; i <= kLocks; ++i) CHECK(threads[i].prio == sched::rt_to_prio(i <= 4 ? 90 : 80));
    test::set_policy(threads[4], Policy::kNormal, 0);
    CHECK(all_at(80));
    test::set_fifo(threads[kLocks], 1);
    for (u32 i = 0; i <= kLocks; ++i) {
      // The best of one's own and of all behind: 17 of thread 7, but thread 4 has none of its own now.
      CHECK(threads[i].prio == sched::rt_to_prio(i < kLocks ? 17 : 1));
    }
    release.store(true);
    threads.join();
  }
  CHECK(clean == kLocks + 1);
  for (const auto& mutex : mutexes) CHECK(mutex.owner() == nullptr);
}

// R13: what was lent is given back before the unlocking task runs on.
RUNNEL_TEST(sched_pi, deboost_comes_before_running_on, .limit = 2_s, .time = test::GuestTime::kExact)
{
  sched::Mutex mutex;
  test::Record record;
  Task* high = nullptr;
  Task* medium = nullptr;
  auto body = [&](u32 i) {
    switch (i) {
    case 0:
      CHECK(mutex.lock().has_value());
      kthread_start(*high);   // runs, waits
      kthread_start(*medium); // does not run: its turn comes after what is lent
      record.note('l');
      mutex.unlock();
      record.note('L');
      break;
    case 1:
      record.note('m');
      break;
    default:
      record.note('w');
      CHECK(mutex.lock().has_value());
      record.note('h');
      mutex.unlock();
      record.note('H');
    }
  };
  const test::Director director;
  test::RtThreads threads({RtSpec{.priority = 10}, RtSpec{.priority = 20}, RtSpec{.priority = 30}}, body);
  medium = &threads[1];
  high = &threads[2];
  threads.start(0);
  threads.join();
  CHECK(std::string_view(record.text()) == "wlhHmL");
}

// Spec 4.1: the most urgent waiter first, equals in the order of arrival, fair ones last and all alike; a
// change of priority while waiting counts.
RUNNEL_TEST(sched_pi, waiters_are_served_by_priority_then_arrival, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  sched::Mutex mutex;
  test::Record record;
  auto body = [&](u32 i) {
    CHECK(mutex.lock().has_value());
    record.note(static_cast<char>('a' + i));
    mutex.unlock();
  };
  const test::Director director;
  CHECK(mutex.lock().has_value());
  {
    test::RtThreads threads({RtSpec{Policy::kNormal, 0}, RtSpec{.priority = 20}, RtSpec{.priority = 40},
                             RtSpec{Policy::kNormal, 0}, RtSpec{.priority = 20}, RtSpec{.priority = 30},
                             RtSpec{.priority = 10}},
                            body);
    CHECK(sched::set_user_nice(threads[3], -20).has_value());
    for (u32 i = 0; i < threads.count(); ++i) {
      threads.start(i);
      while (threads[i].state.load() != sched::kUninterruptible) sleep_for(50_us);
    }
    test::set_fifo(threads[6], 60);
    mutex.unlock();
    threads.join();
  }
  CHECK(std::string_view(record.text()) == "gcfbead");
}

// Spec 4.1: a circle is refused to the one that would close it, and the others go on.
RUNNEL_TEST(sched_pi, a_circle_of_owners_is_refused, .limit = 5_s, .time = test::GuestTime::kExact)
{
  constexpr u32 kThreads = 4;
  sched::Mutex mutexes[kThreads];
  u32 refused = 0;
  u32 got_both = 0;
  auto body = [&](u32 i) {
    CHECK(mutexes[i].lock().has_value());
    CHECK(mutexes[i].lock().error() == Errno::kDEADLK);
    sleep_for(Duration{static_cast<i64>(500'000 + 200'000 * i)});
    const Result<> next = mutexes[(i + 1) % kThreads].lock();
    if (next.has_value()) {
      ++got_both;
      mutexes[(i + 1) % kThreads].unlock();
    } else {
      CHECK(next.error() == Errno::kDEADLK);
      ++refused;
    }
    mutexes[i].unlock();
    CHECK(has_only_its_own(current_task()));
  };
  const test::Director director;
  RtSpec specs[kThreads];
  for (u32 i = 0; i < kThreads; ++i) specs[i] = {.priority = 10 + i};
  {
    test::RtThreads threads(specs, kThreads, body);
    threads.start_all();
    threads.join();
  }
  CHECK(refused == 1u);
  CHECK(got_both == kThreads - 1);
}

void set_deadline(Task& task, Duration runtime, Duration period) {
  sched::SchedAttr attr;
  attr.policy = static_cast<u32>(Policy::kDeadline);
  attr.runtime = static_cast<u64>(runtime.ns);
  attr.deadline = attr.period = static_cast<u64>(period.ns);
  CHECK(sched::sched_setattr(task, attr).has_value());
}

/// An owner on CPU 1, a FIFO hog there, a deadline task that waits: how long, for a section of 4 ms.
Duration wait_of_deadline_waiter(Duration owner_runtime) {
  sched::Mutex mutex;
  Duration waited;
  Completion begin;
  bool owner_clean = false;
  const u64 bandwidth = sched::dl_limit().total_bw;
  auto body = [&](u32 i) {
    if (i == 1) return burn_for(60_ms);
    if (i == 2) begin.wait();
    const Instant start = time::now();
    CHECK(mutex.lock().has_value());
    if (i == 2) waited = time::now() - start;
    if (i == 0) burn_for(4_ms);
    mutex.unlock();
    if (i == 0) owner_clean = has_only_its_own(current_task());
    // No stuck throttle: it gets its next instance as well.
    if (i == 0) burn_for(2_ms);
  };
  const test::ProxySwitch boosts(test::Proxy::kOff);
  const test::Director director(CpuMask::all()); // deadline tasks run before it: it makes room
  {
    const CpuMask all = CpuMask::all();
    const CpuMask cpu1 = CpuMask::of(CpuId{1});
    const bool owner_is_dl = owner_runtime.ns != 0;
    test::RtThreads threads({RtSpec{Policy::kNormal, 0, owner_is_dl ? all : cpu1},
                             RtSpec{.priority = 80, .cpus = cpu1}, RtSpec{Policy::kNormal, 0, all}},
                            body);
    set_deadline(threads[2], 10_ms, 50_ms);
    if (owner_is_dl) set_deadline(threads[0], owner_runtime, 100_ms);
    threads.start(2);
    threads.start(0);
    sleep_for(500_us);
    CHECK(mutex.owner() == &threads[0]);
    threads.start(1);
    begin.complete();
    sleep_for(500_us);
    CHECK(threads[0].sched_class == &sched::dl_sched_class);
    CHECK(threads[0].dl.pi_se == &threads[2].dl);
    threads.join();
  }
  CHECK(owner_clean);
  test::AdmissionOff::wait_for_bandwidth(bandwidth); // what it used beyond its own it owes for some periods
  return waited;
}

// D31
RUNNEL_TEST(sched_pi, a_deadline_waiter_lends_to_a_fair_owner, .cpus = 2, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  const Duration waited = wait_of_deadline_waiter(Duration{});
  CHECK(waited.ns > (2_ms).ns);
  CHECK(waited.ns < (4_ms).ns);
}

// D31: its own 1 ms in 100 would keep the owner throttled for most of the section.
RUNNEL_TEST(sched_pi, a_deadline_waiter_lends_to_a_deadline_owner, .cpus = 2, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  const Duration waited = wait_of_deadline_waiter(1_ms);
  CHECK(waited.ns > (2_ms).ns);
  CHECK(waited.ns < (4_ms).ns);
}

// R13, R14 together on all CPUs: whatever happens, in the end everyone has only its own.
RUNNEL_TEST(sched_pi, storm_of_owners_and_priorities, .cpus = 2, .limit = 30_s)
{
  constexpr u32 kThreads = 8;
  constexpr u32 kLocks = 5;
  sched::Mutex mutexes[kLocks];
  std::atomic<u32> inside[kLocks] = {};
  std::atomic<u32> broken{0};
  std::atomic<u32> done{0};
  u32 clean = 0;
  auto body = [&](u32 i) {
    u32 random = 77 + i;
    const auto draw = [&](u32 below) {
      random = random * 1664525 + 1013904223;
      return (random >> 8) % below;
    };
    for (u32 round = 0; round < 40; ++round) {
      // Upwards only, so that nobody waits in a circle; from time to time a gap is left.
      u32 held = 0;
      for (u32 k = draw(3); k < kLocks; k += 1 + draw(2)) {
        CHECK(mutexes[k].lock().has_value());
        if (inside[k].fetch_add(1) != 0) broken.fetch_add(1);
        held |= 1u << k;
        if (draw(4) == 0) sleep_for(50_us);
        if (draw(4) == 0) test::set_fifo(current_task(), 1 + draw(60));
      }
      // Released in any order.
      for (u32 k = draw(kLocks), n = 0; n < kLocks; ++n, k = (k + 2) % kLocks) {
        if ((held & 1u << k) == 0) continue;
        inside[k].fetch_sub(1);
        mutexes[k].unlock();
      }
      if (draw(3) == 0) sleep_for(30_us);
    }
    done.fetch_add(1);
  };
  const test::Director director;
  {
    RtSpec specs[kThreads];
    for (u32 i = 0; i < kThreads; ++i) specs[i] = {.priority = 1 + 5 * i, .cpus = CpuMask::all()};
    test::RtThreads threads(specs, kThreads, body);
    threads.start_all();
    u32 n = 0;
    while (done.load() != kThreads) {
      sleep_for(100_us);
      test::set_fifo(threads[n * 5 % kThreads], 1 + n * 7 % 90);
      ++n;
    }
    sleep_for(1_ms);
    for (u32 i = 0; i < kThreads; ++i) clean += has_only_its_own(threads[i]);
  }
  CHECK(broken.load() == 0u);
  CHECK(clean == kThreads);
}

} // namespace
} // namespace runnel
