// SPDX-License-Identifier: Apache-2.0
// Fair tasks on several CPUs: they spread, and stay spread (spec 3.12).
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

#include <optional>
#include <sched/attr.hpp>
#include <sched/domain.hpp>
#include <sched/rq.hpp>
#include <sched/sched.hpp>

namespace runnel {
namespace {

/// Burns until `end`, and adds up what it got.
struct Hogs {
  explicit Hogs(Duration time) : end(time::now() + time) {}
  void operator()(u32) {
    while (time::now().is_before(end)) test::burn();
  }
  const Instant end;
};

/// What each of `count` threads ran within `span`, from now.
template <typename Body>
void measure(test::Threads<Body>& threads, u32 count, Duration span, Duration (&ran)[64]) {
  for (u32 i = 0; i < count; ++i) ran[i] = sched::task_runtime(threads[i]);
  sleep_for(span);
  for (u32 i = 0; i < count; ++i) ran[i] = sched::task_runtime(threads[i]) - ran[i];
}

// F31
RUNNEL_TEST(sched, as_many_hogs_as_cpus_have_one_each, .cpus = 2, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  const u32 n = online_cpus().count();
  Hogs body(700_ms);
  test::Threads threads(n, body);
  sleep_for(100_ms);
  Duration ran[64];
  measure(threads, n, 500_ms, ran);
  for (u32 i = 0; i < n; ++i) CHECK(ran[i] >= 400_ms); // this thread, too, wants a CPU now and then
}

// F31: all on one CPU at first
RUNNEL_TEST(sched, hogs_that_start_on_one_cpu_spread, .cpus = 2, .limit = 5_s,
            .time = test::GuestTime::kExact)
{
  const u32 n = online_cpus().count();
  Hogs body(700_ms);
  test::Threads threads(n, body, [](u32) { return CpuMask::of(CpuId{0}); });
  for (u32 i = 0; i < n; ++i) REQUIRE(set_affinity(threads[i], CpuMask::all()));
  sleep_for(100_ms);
  Duration ran[64];
  measure(threads, n, 500_ms, ran);
  for (u32 i = 0; i < n; ++i) CHECK(ran[i] >= 350_ms);
}

// F35
RUNNEL_TEST(sched, pinned_tasks_do_not_hold_free_ones_back, .cpus = 4, .limit = 10_s,
            .time = test::GuestTime::kExact)
{
  Hogs body(1400_ms);
  test::Threads threads(8, body,
                        [](u32 i) { return i < 4 ? CpuMask::of(CpuId{0}) : CpuMask::from_bits(0xf); });
  sleep_for(200_ms);
  Duration ran[64];
  measure(threads, 8, 1_s, ran);
  Duration free;
  for (u32 i = 4; i < 8; ++i) {
    free += ran[i];
    CHECK(ran[i] >= 400_ms); // 750 ms, were three CPUs divided evenly at every moment
  }
  CHECK(free >= 2700_ms); // CPUs 1 to 3 are theirs alone
  u64 migrations = 0;
  for (u32 i = 0; i < 8; ++i) migrations += threads[i].stats.nr_migrations;
  CHECK(migrations <= 400u); // no running in circles
}

void set_policy(Task& p, sched::Policy policy) {
  sched::SchedAttr attr;
  attr.policy = static_cast<u32>(policy);
  CHECK(sched::sched_setattr(p, attr).has_value());
}

/// Every CPU but the last has a hog, the last one of policy `last` or none. A thread sleeps until it is woken
/// from CPU 0, on each of the busy CPUs in turn.
class WakeUps {
 public:
  explicit WakeUps(std::optional<sched::Policy> last)
      : cpus_(online_cpus().count()), hog_{.stop = stop_, .last = cpus_ - 1, .policy = last},
        hogs_(last ? cpus_ : cpus_ - 1, hog_, [](u32 i) { return CpuMask::of(CpuId{i}); }),
        sleeper_{stop_, slept_, turns_}, threads_(1, sleeper_) {
    CHECK(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
    sleep_for(20_ms);
  }
  ~WakeUps() {
    wait_until_asleep();
    stop_.store(true);
    sched::wake_up_process(threads_[0]);
    threads_.join();
    hogs_.join();
    CHECK(set_affinity(current_task(), CpuMask::all()).has_value());
  }
  WakeUps(const WakeUps&) = delete;
  WakeUps& operator=(const WakeUps&) = delete;

  static constexpr u32 kRounds = 20;

  /// How many of kRounds wake-ups of a task of `policy` chose the last CPU, when a search may look at `scan`
  /// CPUs.
  u32 to_last(sched::Policy policy, u32 scan) {
    u32 count = 0;
    for (u32 round = 0; round < kRounds; ++round) {
      CHECK(set_affinity(threads_[0], CpuMask::of(CpuId{round % (cpus_ - 1)})).has_value());
      wake(); // it has run there last
      wait_until_asleep();
      CHECK(set_affinity(threads_[0], CpuMask::all()).has_value());
      set_policy(threads_[0], policy);
      {
        const IrqGuard irqs_off; // balancing computes the hint anew now and then
        sched::cpu_domains(CpuId{0}).llc->shared->nr_idle_scan.store(scan);
        wake();
        if (threads_[0].task_cpu().value == cpus_ - 1) ++count;
      }
      set_policy(threads_[0], sched::Policy::kNormal);
      wait_until_asleep();
    }
    return count;
  }

 private:
  struct Hog {
    std::atomic<bool>& stop;
    u32 last;
    std::optional<sched::Policy> policy; // of the last one
    void operator()(u32 i) const {
      if (i == last) set_policy(current_task(), *policy);
      while (!stop.load(std::memory_order_relaxed)) test::burn();
    }
  };
  struct Sleeper {
    std::atomic<bool>& stop;
    std::atomic<u32>& slept;
    std::atomic<u32>& turns;
    void operator()(u32) const {
      while (!stop.load()) {
        sched::set_current_state(sched::kUninterruptible);
        if (turns.load() == slept.load() && !stop.load()) sched::schedule();
        current_task().state.store(sched::kRunning);
        if (turns.load() != slept.load()) slept.fetch_add(1);
      }
    }
  };

  void wake() {
    turns_.fetch_add(1);
    sched::wake_up_process(threads_[0]);
  }
  void wait_until_asleep() {
    Task& p = threads_[0];
    while (slept_.load() != turns_.load() || p.state.load() == sched::kRunning || p.is_on_cpu() ||
           p.is_queued())
      sleep_for(100_us);
  }

  const u32 cpus_;
  std::atomic<bool> stop_{false};
  std::atomic<u32> slept_{0}, turns_{0};
  Hog hog_;
  test::Threads<Hog> hogs_;
  Sleeper sleeper_;
  test::Threads<Sleeper> threads_;
};

bool one_cache() { return sched::cpus_share_cache(CpuId{0}, CpuId{online_cpus().count() - 1}); }

// F32
RUNNEL_TEST(sched, a_wake_up_goes_to_the_idle_cpu_of_the_cache, .cpus = 2, .limit = 10_s,
            .time = test::GuestTime::kExact)
{
  if (!one_cache()) return test::skip("needs one cache for all CPUs");
  WakeUps wake_ups(std::nullopt);
  CHECK(wake_ups.to_last(sched::Policy::kNormal, online_cpus().count()) == WakeUps::kRounds);
}

// F33
RUNNEL_TEST(sched, a_cpu_of_idle_policy_tasks_is_free_for_a_normal_one, .cpus = 2, .limit = 10_s,
            .time = test::GuestTime::kExact)
{
  if (!one_cache()) return test::skip("needs one cache for all CPUs");
  WakeUps wake_ups(sched::Policy::kIdle);
  CHECK(wake_ups.to_last(sched::Policy::kNormal, online_cpus().count()) == WakeUps::kRounds);
  CHECK(wake_ups.to_last(sched::Policy::kIdle, online_cpus().count()) == 0u);
}

} // namespace
} // namespace runnel
