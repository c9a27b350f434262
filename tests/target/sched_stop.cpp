// SPDX-License-Identifier: Apache-2.0

#include "kernel/sync/guards.hpp"
#include "kernel/time/sleep.hpp"
#include "tests/target/threads.hpp"

#include <sched/sched.hpp>

namespace runnel {
namespace {

struct Seen {
  u32 cpu = ~0u;
  bool irqs_on = true;
};

RUNNEL_TEST(sched, two_cpu_stop_runs_on_the_first, .cpus = 2)
{
  for (u32 i = 0; i < 2; ++i) {
    Seen seen;
    sched::stop_two_cpus(
        {i}, {1 - i},
        [](void* p) {
          auto& s = *static_cast<Seen*>(p);
          s = {arch::Cpu::this_cpu().value, arch::Cpu::irqs_enabled()};
        },
        &seen);
    CHECK(seen.cpu == i);
    CHECK(!seen.irqs_on);
  }
}

// C21
RUNNEL_TEST(sched, two_cpu_stops_against_single_stops, .cpus = 2, .limit = 20_s)
{
  std::atomic<u32> ran{0};
  constexpr u32 kThreads = 6, kRounds = 60;
  test::run_threads(kThreads, [&](u32 i) {
    const auto count = [](void* p) { static_cast<std::atomic<u32>*>(p)->fetch_add(1); };
    u32 random = i + 1;
    for (u32 n = 0; n < kRounds; ++n) {
      random = random * 1664525 + 1013904223;
      const u32 cpus = online_cpus().count();
      const CpuId a{(random >> 8) % cpus};
      const CpuId b{(a.value + 1 + (random >> 16) % (cpus - 1)) % cpus};
      if (i % 2 == 0)
        sched::stop_two_cpus(a, b, count, &ran);
      else
        sched::stop_one_cpu(a, count, &ran);
    }
  });
  CHECK(ran.load() == kThreads * kRounds);
}

} // namespace
} // namespace runnel
