// SPDX-License-Identifier: Apache-2.0
// Proxy execution (spec 6; catalogue P01, P02, P04 to P06).
#include "tests/target/rt_tasks.hpp"

#include <sched/mutex.hpp>
#include <sched/proxy.hpp>
#include <sched/rq.hpp>
#include <string_view>

namespace runnel {
namespace {

using sched::Policy;
using sched::ProxyLevel;
using test::RtSpec;

void burn_for(Duration d) {
  const Duration until = sched::task_runtime(current_task()) + d; // its own time, not the clock's
  while (sched::task_runtime(current_task()) < until) test::burn();
}

/// On whose account the current task executes.
const sched::Task* donor_here() {
  const sync::PreemptGuard no_preempt;
  return sched::this_rq().donor;
}

/// P01: a low owner, a medium hog and a high waiter on one CPU, a section of 4 ms.
void check_owner_executes_for_waiter(RtSpec owner_spec) {
  sched::Mutex mutex;
  Duration waited;
  bool own_prio_only = true;
  u32 seen_as_proxy = 0;
  Task* waiter = nullptr;
  auto body = [&](u32 i) {
    if (i == 1) return burn_for(30_ms);
    const Instant start = time::now();
    CHECK(mutex.lock().has_value());
    if (i == 2) waited = time::now() - start;
    if (i == 0) {
      const Duration until = sched::task_runtime(current_task()) + 4_ms;
      while (sched::task_runtime(current_task()) < until) {
        own_prio_only = own_prio_only && current_task().prio == current_task().normal_prio;
        seen_as_proxy += donor_here() == waiter;
        test::burn();
      }
    }
    mutex.unlock();
    CHECK(donor_here() == &current_task()); // it executes for itself again
  };
  const test::ProxySwitch proxy(test::Proxy::kOn);
  const test::Director director;
  test::RtThreads threads({owner_spec, RtSpec{.priority = 50}, RtSpec{.priority = 90}}, body);
  waiter = &threads[2];
  threads.start(0);
  sleep_for(1_ms);
  CHECK(mutex.owner() == &threads[0]);
  threads.start(1);
  threads.start(2);
  sleep_for(500_us);
  CHECK(sched::task_is_blocked(threads[2]));
  CHECK(threads[2].is_queued()); // it waits on the queue
  threads.join();
  CHECK(own_prio_only);
  CHECK(seen_as_proxy > 10u);
  CHECK(waited.ns > (2_ms).ns);
  CHECK(waited.ns < (4_ms).ns); // 1 ms of the section was over before
}

// P01
RUNNEL_TEST(sched_proxy, low_owner_executes_for_high_waiter_rt, .limit = 5_s, .time = test::GuestTime::kExact)
{
  check_owner_executes_for_waiter({.priority = 10});
}

// P01
RUNNEL_TEST(sched_proxy, low_owner_executes_for_high_waiter_fair, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  check_owner_executes_for_waiter({Policy::kNormal, 0});
}

// P01: the owner sleeps with the mutex held: its waiter really blocks, and everyone else runs.
RUNNEL_TEST(sched_proxy, a_sleeping_owner_lets_others_run, .limit = 5_s, .time = test::GuestTime::kExact)
{
  sched::Mutex mutex;
  test::Record record;
  auto body = [&](u32 i) {
    if (i != 1) CHECK(mutex.lock().has_value());
    if (i == 0) sleep_for(3_ms);
    record.note(static_cast<char>('a' + i));
    if (i != 1) mutex.unlock();
  };
  const test::ProxySwitch proxy(test::Proxy::kOn);
  const test::Director director;
  {
    test::RtThreads threads({RtSpec{.priority = 10}, RtSpec{.priority = 5}, RtSpec{.priority = 90}}, body);
    threads.start(0);
    sleep_for(200_us);
    threads.start(1);
    threads.start(2);
    sleep_for(500_us);
    CHECK(!threads[2].is_queued());
    CHECK(std::string_view(record.text()) == "b");
    threads.join();
  }
  CHECK(std::string_view(record.text()) == "bac");
}

/// P02: thread i owns lock i and waits for lock i - 1; the last one has the highest priority; on every CPU a
/// hog keeps the owners from running by themselves. How long the last one waited.
Duration wait_through_chain(ProxyLevel level) {
  constexpr u32 kLocks = 5;
  constexpr u32 kCpus = 4;
  sched::Mutex mutexes[kLocks];
  std::atomic<bool> hogs_stop{false};
  std::atomic<u32> illegal{0};
  Duration waited;
  auto body = [&](u32 i) {
    if (i > kLocks) { // hogs
      while (!hogs_stop.load(std::memory_order_relaxed)) test::burn();
      return;
    }
    const Instant start = time::now();
    if (i < kLocks) CHECK(mutexes[i].lock().has_value());
    if (i > 0) CHECK(mutexes[i - 1].lock().has_value());
    if (i == kLocks) waited = time::now() - start;
    if (i < kLocks) {
      for (u32 n = 0; n < 20; ++n) {
        const sync::PreemptGuard no_preempt;
        if (arch::Cpu::this_cpu() != CpuId{i % kCpus}) illegal.fetch_add(1);
        test::burn();
      }
    }
    if (i > 0) mutexes[i - 1].unlock();
    if (i < kLocks) mutexes[i].unlock();
  };
  const test::ProxySwitch proxy(test::Proxy::kOn, level);
  const test::Director director(CpuMask::all());
  {
    RtSpec specs[kLocks + 1 + kCpus];
    for (u32 i = 0; i < kLocks; ++i) specs[i] = {.priority = 10, .cpus = CpuMask::of(CpuId{i % kCpus})};
    specs[kLocks] = {.priority = 90, .cpus = CpuMask::of(CpuId{3})};
    for (u32 i = 0; i < kCpus; ++i) specs[kLocks + 1 + i] = {.priority = 50, .cpus = CpuMask::of(CpuId{i})};
    test::RtThreads threads(specs, kLocks + 1 + kCpus, body);
    // The first owner is stopped in its section by a hog; then the chain forms behind it.
    for (u32 i = 0; i < kLocks; ++i) {
      threads.start(i);
      while (mutexes[i].owner() != &threads[i]) sleep_for(5_us);
    }
    for (u32 i = 0; i < kCpus; ++i) threads.start(kLocks + 1 + i);
    sleep_for(200_us);
    threads.start(kLocks);
    sleep_for(level != ProxyLevel::kOneCpu ? 3_ms : 1_ms);
    if (level != ProxyLevel::kOneCpu) CHECK(mutexes[kLocks - 1].owner() == nullptr); // it got through
    for (u32 i = 0; i <= kLocks; ++i) // whoever executes does it where it may (P05)
      if (threads[i].is_on_cpu()) CHECK(threads[i].cpus_mask.test(threads[i].task_cpu()));
    hogs_stop.store(true);
  }
  CHECK(illegal.load() == 0u);
  return waited;
}

// P02
RUNNEL_TEST(sched_proxy, the_donor_follows_a_chain_of_owners_across_cpus, .cpus = 4, .limit = 10_s,
            .time = test::GuestTime::kExact)
{
  for (const ProxyLevel level : {ProxyLevel::kMove, ProxyLevel::kWakeReturn})
    CHECK(wait_through_chain(level).ns < (2_ms).ns);
}

// P02: the first level only executes owners of its own CPU; the others get on when the hogs end.
RUNNEL_TEST(sched_proxy, without_moves_the_donor_blocks, .cpus = 4, .limit = 10_s,
            .time = test::GuestTime::kExact)
{
  const Duration waited = wait_through_chain(ProxyLevel::kOneCpu);
  CHECK(waited.ns > (1_ms).ns);
}

// P06
RUNNEL_TEST(sched_proxy, executed_time_is_the_owners_charged_time_the_donors, .cpus = 2, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  sched::Mutex mutex;
  Duration owner_ran;
  Duration waiter_ran;
  Duration charged;
  Duration waited;
  auto body = [&](u32 i) {
    if (i == 2) {
      for (Instant end = time::now() + 20_ms; time::now().is_before(end);) test::burn();
      return;
    }
    if (i == 1) {
      const Duration ran = sched::task_runtime(current_task());
      const i64 budget = current_task().dl.runtime;
      const Instant start = time::now();
      CHECK(mutex.lock().has_value());
      waited = time::now() - start;
      waiter_ran = sched::task_runtime(current_task()) - ran;
      charged = Duration{budget - current_task().dl.runtime};
    } else {
      CHECK(mutex.lock().has_value());
      burn_for(1_ms);
      const Duration ran = sched::task_runtime(current_task());
      burn_for(3_ms);
      owner_ran = sched::task_runtime(current_task()) - ran;
    }
    mutex.unlock();
  };
  const test::ProxySwitch proxy(test::Proxy::kOn);
  const test::Director director(CpuMask::all());
  {
    const CpuMask cpu1 = CpuMask::of(CpuId{1});
    test::RtThreads threads({RtSpec{Policy::kNormal, 0, cpu1}, RtSpec{Policy::kNormal, 0, CpuMask::all()},
                             RtSpec{.priority = 50, .cpus = cpu1}},
                            body);
    sched::SchedAttr attr;
    attr.policy = static_cast<u32>(Policy::kDeadline);
    attr.runtime = 10'000'000;
    attr.deadline = attr.period = 50'000'000;
    CHECK(sched::sched_setattr(threads[1], attr).has_value());
    threads.start(0);
    sleep_for(500_us);
    CHECK(mutex.owner() == &threads[0]);
    threads.start(2); // the owner could not go on by itself
    threads.start(1);
  }
  CHECK(owner_ran.ns >= (3_ms).ns);
  CHECK(owner_ran.ns < (3_ms + 100_us).ns);
  CHECK(waiter_ran.ns < (200_us).ns);      // it executed nothing while it waited
  CHECK(charged.ns > waited.ns - 200'000); // but paid for all of it
  CHECK(charged.ns < waited.ns + waiter_ran.ns + 100'000);
  CHECK(waited.ns < (4_ms).ns);
}

// P04, P05
RUNNEL_TEST(sched_proxy, storm_of_owners_masks_and_priorities, .cpus = 2, .limit = 30_s)
{
  constexpr u32 kThreads = 8;
  constexpr u32 kLocks = 4;
  const u32 cpus = online_cpus().count();
  sched::Mutex mutexes[kLocks];
  std::atomic<u32> inside[kLocks] = {};
  std::atomic<u32> broken{0};
  std::atomic<u32> done{0};
  auto body = [&](u32 i) {
    u32 random = 31 + i;
    const auto draw = [&](u32 below) {
      random = random * 1664525 + 1013904223;
      return (random >> 8) % below;
    };
    for (u32 round = 0; round < 40; ++round) {
      u32 held = 0;
      for (u32 k = draw(3); k < kLocks; k += 1 + draw(2)) {
        CHECK(mutexes[k].lock().has_value());
        if (inside[k].fetch_add(1) != 0) broken.fetch_add(1);
        if (current_task().pi.blocked_on.load() != nullptr) broken.fetch_add(1);
        held |= 1u << k;
        if (draw(4) == 0) sleep_for(50_us);
        if (draw(4) == 0) test::burn();
      }
      for (u32 k = draw(kLocks), n = 0; n < kLocks; ++n, k = (k + 1) % kLocks) {
        if ((held & 1u << k) == 0) continue;
        inside[k].fetch_sub(1);
        mutexes[k].unlock();
      }
      if (draw(3) == 0) sleep_for(30_us);
    }
    done.fetch_add(1);
    while (done.load() != kThreads) sleep_for(200_us);
  };
  const test::ProxySwitch proxy(test::Proxy::kOn);
  const test::Director director;
  {
    RtSpec specs[kThreads];
    for (u32 i = 0; i < kThreads; ++i) specs[i] = {.priority = 1 + 5 * i, .cpus = CpuMask::all()};
    test::RtThreads threads(specs, kThreads, body);
    threads.start_all();
    u32 n = 0;
    while (done.load() != kThreads) {
      sleep_for(100_us);
      if (n % 3 == 0) test::set_fifo(threads[n * 5 % kThreads], 1 + n * 7 % 90);
      if (n % 3 == 1)
        CHECK(set_affinity(threads[n * 3 % kThreads], CpuMask::from_bits(1 + n % ((u64{1} << cpus) - 1)))
                  .has_value());
      ++n;
    }
    for (u32 i = 0; i < kThreads; ++i) {
      CHECK(!sched::task_is_blocked(threads[i]));
      if (threads[i].is_queued()) CHECK(threads[i].cpus_mask.test(threads[i].task_cpu()));
    }
  }
  CHECK(broken.load() == 0u);
}

} // namespace
} // namespace runnel
