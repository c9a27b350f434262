// SPDX-License-Identifier: Apache-2.0
// Deadline tasks that meet, or by theory miss, their deadlines (catalogue 9.4). Times are a part of the
// catalogue's, all by the same factor, which changes neither utilisation nor order.
#include "tests/target/dl_tasks.hpp"

namespace runnel {
namespace {

using test::Class;
using test::JobSpec;
using test::JobStats;

constexpr CpuMask kCpu0 = CpuMask::of(CpuId{0});

u32 misses(const JobStats* stats, u32 count) {
  u32 missed = 0;
  for (u32 i = 0; i < count; ++i) {
    missed += stats[i].missed;
    CHECK(stats[i].done > 0u);
    test::note("task {}: {} jobs, {} missed, worst {} us after its deadline", i, stats[i].done,
               stats[i].missed, stats[i].worst.ns / 1000);
  }
  return missed;
}

// D08: a quarter of {(20,60),(36,80),(5,90)} ms, U = 0.839
RUNNEL_TEST(sched_dl, edf_meets_what_rate_monotonic_misses, .limit = 5_s, .time = test::GuestTime::kExact)
{
  constexpr JobSpec kSet[] = {{5_ms, 15_ms, 15_ms}, {9_ms, 20_ms, 20_ms}, {1250_us, 22500_us, 22500_us}};
  const test::AdmissionOff may_be_bound;
  JobStats stats[3];
  test::run_set(kSet, 3, kCpu0, 180_ms, Class::kDeadline, stats);
  CHECK(misses(stats, 3) == 0u);
  test::run_set(kSet, 3, kCpu0, 60_ms, Class::kRateMonotonic, stats);
  CHECK(misses(stats, 3) >= 1u);
  CHECK(stats[2].missed >= 1u); // its first response is 117/4 ms
}

// D09: half of {(20,50),(38,70)} ms, servers off, U = 0.943
RUNNEL_TEST(sched_dl, edf_meets_nearly_full_utilisation, .limit = 5_s, .time = test::GuestTime::kExact)
{
  constexpr JobSpec kSet[] = {{10_ms, 25_ms, 25_ms}, {19_ms, 35_ms, 35_ms}};
  const test::AdmissionOff may_be_bound;
  const test::ServersOff whole_cpu;
  JobStats stats[2];
  test::run_set(kSet, 2, kCpu0, 175_ms, Class::kDeadline, stats);
  CHECK(misses(stats, 2) == 0u);
  test::run_set(kSet, 2, kCpu0, 70_ms, Class::kRateMonotonic, stats);
  CHECK(stats[1].missed >= 1u); // 78/2 > 70/2
}

// D10: 5 x (5,10) ms on 4 CPUs, 2.5 = M - (M-1) * 0.5; at twice the times, for the set leaves no room at all
// for what the kernel itself does on four CPUs that share one instruction counter.
RUNNEL_TEST(sched_dl, five_halves_on_four_cpus, .cpus = 4, .limit = 5_s, .time = test::GuestTime::kExact)
{
  constexpr JobSpec kOne{10_ms, 20_ms, 20_ms};
  constexpr JobSpec kSet[] = {kOne, kOne, kOne, kOne, kOne};
  const test::AdmissionOff may_be_bound;
  JobStats stats[5];
  test::run_set(kSet, 5, CpuMask::first(4), 160_ms, Class::kDeadline, stats);
  CHECK(misses(stats, 5) == 0u);
}

/// M short tasks with the earlier deadlines take all CPUs first; the task that needs one to itself comes
/// late.
void dhall(u32 cpus, Duration most_tardy) {
  constexpr JobSpec kShort{1250_us, 24750_us, 24750_us};
  constexpr JobSpec kLong{25_ms, 25_ms, 25_ms};
  constexpr u32 kMost = 4;
  JobSpec set[kMost + 1];
  for (u32 i = 0; i < cpus; ++i) set[i] = kShort;
  set[cpus] = kLong;
  const test::AdmissionOff may_be_bound;
  JobStats stats[kMost + 1];
  test::run_set(set, cpus + 1, CpuMask::first(cpus), 100_ms, Class::kDeadline, stats);
  misses(stats, cpus + 1);
  CHECK(stats[cpus].missed >= 1u);
  for (u32 i = 0; i <= cpus; ++i) CHECK(stats[i].worst <= most_tardy);
}

// D11: a quarter of M x (5,99) + (100,100) ms
RUNNEL_TEST(sched_dl, dhall_effect_on_two_cpus, .cpus = 2, .limit = 5_s, .time = test::GuestTime::kExact)
{
  dhall(2, 147'500_us / 4);
}

// D11
RUNNEL_TEST(sched_dl, dhall_effect_on_four_cpus, .cpus = 4, .limit = 5_s, .time = test::GuestTime::kExact)
{
  dhall(4, 247'500_us / 4);
}

// D14: half of (50,50,100) + (10,100,100) ms by demand analysis; the sum of densities is 1.1
RUNNEL_TEST(sched_dl, demand_fits_where_density_does_not, .limit = 5_s, .time = test::GuestTime::kExact)
{
  constexpr JobSpec kSet[] = {{25_ms, 25_ms, 50_ms}, {5_ms, 50_ms, 50_ms}};
  const test::AdmissionOff may_be_bound;
  const test::ServersOff whole_cpu;
  JobStats stats[2];
  test::run_set(kSet, 2, kCpu0, 200_ms, Class::kDeadline, stats);
  CHECK(misses(stats, 2) == 0u);
}

} // namespace
} // namespace runnel
