// SPDX-License-Identifier: Apache-2.0
#include "kernel/sync/rcu.hpp"
#include "kernel/time/clock.hpp"
#include "tests/target/threads.hpp"

namespace runnel {
namespace {

RUNNEL_TEST(rcu, grace_period_waits_for_a_reader, .cpus = 2, .limit = 3_s)
{
  std::atomic<bool> reading{false};
  std::atomic<Instant> ended{Instant{}};
  auto reader = [&](u32) {
    const RcuReadGuard guard;
    reading.store(true);
    time::delay(5_ms);
    ended.store(time::now());
  };
  test::Threads threads(1, reader, [](u32) { return CpuMask::of(CpuId{1}); });
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  while (!reading.load()) yield();
  sync::synchronize_rcu();
  const Instant after = time::now();
  CHECK(ended.load().ns != 0u);
  CHECK(!ended.load().is_after(after));
}

RUNNEL_TEST(rcu, callbacks_run_in_order_and_barrier_waits, .limit = 3_s)
{
  struct Node {
    sync::RcuHead head; // first: the callback gets its address
    u32 value;
    u32* log;
    u32* used;
  };
  u32 log[16] = {};
  u32 used = 0;
  Node nodes[16];
  for (u32 i = 0; i < 16; ++i) {
    nodes[i] = {{}, i, log, &used};
    sync::call_rcu(nodes[i].head, [](sync::RcuHead& head) {
      auto& node = reinterpret_cast<Node&>(head);
      node.log[(*node.used)++] = node.value;
    });
  }
  sync::rcu_barrier();
  CHECK(used == 16u);
  for (u32 i = 0; i < 16; ++i) CHECK(log[i] == i);
}

/// Readers follow a pointer that a writer keeps replacing; a version is poisoned only after a grace period.
RUNNEL_TEST(rcu, readers_never_see_reclaimed_memory, .cpus = 2, .limit = 10_s)
{
  struct Version {
    std::atomic<u32> valid{1};
  };
  Version versions[40];
  std::atomic<Version*> published{&versions[0]};
  std::atomic<bool> stop{false};
  std::atomic<u32> bad{0};
  std::atomic<u64> reads{0};
  test::run_on_each_cpu([&](u32 cpu) {
    if (cpu == 0) {
      for (u32 i = 1; i < 40; ++i) {
        Version* old = published.exchange(&versions[i]);
        sync::synchronize_rcu();
        old->valid.store(0);
      }
      stop.store(true);
      return;
    }
    while (!stop.load()) {
      {
        const RcuReadGuard guard;
        const Version* seen = published.load();
        for (u32 i = 0; i < 20; ++i) {
          if (seen->valid.load() == 0) bad.fetch_add(1);
          arch::Cpu::relax();
        }
      }
      reads.fetch_add(1);
    }
  });
  CHECK(bad.load() == 0u);
  CHECK(reads.load() > 0u);
}

} // namespace
} // namespace runnel
