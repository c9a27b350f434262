// SPDX-License-Identifier: Apache-2.0
// Affinity and hotplug at once, for long: threads of all classes that mostly sleep, while others change where
// they may run and the CPUs go down and come up under them. `soak.affinity_and_hotplug` is the minute of it
// that no wildcard selects; the suite sched has a piece.
#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/hotplug.hpp"
#include "tests/target/dl_tasks.hpp"
#include "tests/target/mm_storm.hpp"

#include <algorithm>
#include <sched/migrate_disable.hpp>

namespace runnel {
namespace {

using test::Random;

class Hammer {
 public:
  explicit Hammer(Duration length) : length_(length), cpus_(nr_cpus()) {
    workers_ = std::min(kMostWorkers, 2 * cpus_ + 4);
  }

  void run() {
    auto body = [this](u32 i) { i < workers_ ? work(i) : set_masks(i); };
    {
      test::Threads threads(workers_ + kSetters, body);
      for (u32 i = 0; i < workers_; ++i) choose_class(*(tasks_[i] = &threads[i]), i);
      end_ = time::now() + length_; // of what all do, not of making them
      begun_.store(true);
      plug();
      for (u32 i = 1; i < cpus_; ++i)
        if (!online_cpus().test({i})) CHECK(smp::cpu_up({i}).has_value());
      threads.join();
    }
    CHECK(astray_.load() == 0u);
    CHECK(moved_.load() == 0u);
    CHECK(changes_.load() != 0u);
    test::note("{} turns, {} changes of a mask, {} downs and ups, {} downs refused", turns(), changes_.load(),
               plugs_, refused_);
    test::AdmissionOff::wait_for_bandwidth(admitted_before_);
  }

 private:
  static constexpr u32 kMostWorkers = 20;
  static constexpr u32 kSetters = 3;
  static constexpr Duration kLookEvery = 1'000_ms;

  struct Worker {
    std::atomic<u32> setters{0}; // changes of its mask that are under way
    std::atomic<u64> turns{0};
  };

  bool is_over() const { return !time::now().is_before(end_); }

  /// The first is a deadline task, the others realtime and fair ones of every kind.
  static void choose_class(Task& task, u32 i) {
    if (i == 0) return static_cast<void>(CHECK(test::set_deadline(task, 1_ms, 10_ms, 10_ms).has_value()));
    if (i % 4 == 1) return test::set_fifo(task, 10 + i);
    if (i % 4 == 2) return test::set_policy(task, sched::Policy::kRr, 30);
    CHECK(sched::set_user_nice(task, static_cast<i32>(i % 3) * 5 - 5).has_value());
  }

  void work(u32 i) {
    while (!begun_.load()) sleep_for(1_ms);
    Random random(i + 1);
    while (!is_over()) {
      for (u64 n = random.below(4); n != 0; --n) {
        test::burn();
        look_where(i);
      }
      if (random.below(4) == 0)
        stay(random);
      else
        sleep_for(nap(random));
      look_where(i);
      worker_[i].turns.fetch_add(1, std::memory_order_relaxed);
    }
  }

  static Duration nap(Random& random) {
    return Duration{static_cast<i64>(100'000 + random.below(8'000'000))};
  }

  /// C16: with no change under way it runs where it may. A CPU that left took its mask along (C31), if
  /// nothing else was in it; so the mask is the one it has now.
  void look_where(u32 i) {
    Task& self = current_task();
    const sched::port::IrqLockGuard pi(
        self.pi_lock); // a change takes it after it has counted itself in `setters`
    if (worker_[i].setters.load() != 0 || self.migration_disabled != 0) return;
    if (!self.cpus_mask.test(arch::Cpu::this_cpu())) astray_.fetch_add(1);
  }

  /// C18, C19: it and its CPU stay.
  void stay(Random& random) {
    const sched::MigrateDisableGuard guard;
    const CpuId here = arch::Cpu::this_cpu();
    sleep_for(Duration{static_cast<i64>(50'000 + random.below(1'000'000))});
    test::burn();
    if (arch::Cpu::this_cpu() != here) moved_.fetch_add(1);
  }

  CpuMask any_cpus(Random& random) const {
    CpuMask mask;
    do mask.set(CpuId{static_cast<u32>(random.below(cpus_))});
    while (random.below(2) == 0);
    return random.below(3) == 0 ? CpuMask::all() : mask;
  }

  /// C17: several setters, of the same thread as well. Refused when none of the CPUs is up, or for a deadline
  /// task.
  void set_masks(u32 i) {
    while (!begun_.load()) sleep_for(1_ms);
    Random random(i + 1);
    while (!is_over()) {
      const u32 which = static_cast<u32>(random.below(workers_));
      worker_[which].setters.fetch_add(1);
      if (set_affinity(*tasks_[which], any_cpus(random)).has_value()) changes_.fetch_add(1);
      worker_[which].setters.fetch_sub(1);
      sleep_for(Duration{static_cast<i64>(50'000 + random.below(3'000'000))});
    }
  }

  u64 turns() const {
    u64 all = 0;
    for (u32 i = 0; i < workers_; ++i) all += worker_[i].turns.load();
    return all;
  }

  /// C22, and once a second: nobody is lost.
  void plug() {
    Random random(77);
    Instant look = time::now() + kLookEvery;
    u64 seen[kMostWorkers] = {};
    while (!is_over()) {
      if (cpus_ > 1) change(CpuId{1 + static_cast<u32>(random.below(cpus_ - 1))});
      sleep_for(Duration{static_cast<i64>(500'000 + random.below(15'000'000))});
      if (time::now().is_before(look)) continue;
      look = time::now() + kLookEvery;
      for (u32 i = 0; i < workers_; ++i) {
        const u64 now = worker_[i].turns.load();
        CHECK(now != seen[i]);
        seen[i] = now;
      }
    }
  }

  void change(CpuId cpu) {
    ++plugs_;
    if (!online_cpus().test(cpu)) return static_cast<void>(CHECK(smp::cpu_up(cpu).has_value()));
    if (const Result<> down = smp::cpu_down(cpu); !down) {
      CHECK(down == err(Errno::kBUSY)); // the deadline task needs it
      ++refused_;
    }
  }

  const Duration length_;
  Instant end_;
  u32 cpus_;
  u32 workers_ = 0;
  Worker worker_[kMostWorkers];
  Task* tasks_[kMostWorkers] = {};
  std::atomic<bool> begun_{false};
  std::atomic<u32> astray_{0};
  std::atomic<u32> moved_{0};
  std::atomic<u64> changes_{0};
  u32 plugs_ = 0;
  u32 refused_ = 0;
  u64 admitted_before_ = sched::dl_limit().total_bw;
};

// C16, C17, C18, C19, C22
RUNNEL_TEST(sched, hammer_affinity_and_hotplug, .cpus = 2, .limit = 20_s)
{
  Hammer hammer(300_ms);
  hammer.run();
}

// C16, C17, C18, C19, C22
RUNNEL_TEST(soak, affinity_and_hotplug, .limit = 120_s, .select = test::Select::kOnlyByName)
{
  Hammer hammer(60'000_ms);
  hammer.run();
}

} // namespace
} // namespace runnel
