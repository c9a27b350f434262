// SPDX-License-Identifier: Apache-2.0
#include "kernel/irq/irq_work.hpp"
#include "kernel/smp/call.hpp"
#include "kernel/sync/completion.hpp"
#include "kernel/time/clock.hpp"
#include "tests/target/threads.hpp"

namespace runnel {
namespace {

RUNNEL_TEST(smp, all_listed_cpus_are_online)
{
  CHECK(online_cpus() == CpuMask::first(nr_cpus()));
}

RUNNEL_TEST(smp, every_cpu_runs_threads, .cpus = 2, .limit = 2_s)
{
  std::atomic<u64> ran_on{0};
  test::run_on_each_cpu([&](u32) { ran_on.fetch_or(u64{1} << arch::Cpu::this_cpu().value); });
  CHECK(ran_on.load() == online_cpus().bits());
}

RUNNEL_TEST(smp, call_function_runs_once_on_each_and_waits, .limit = 2_s)
{
  struct Seen {
    std::atomic<u32> calls[kMaxCpus];
    std::atomic<u32> with_interrupts_on{0};
  };
  static constinit Seen seen;
  for (auto& calls : seen.calls) calls.store(0);
  seen.with_interrupts_on.store(0);
  for (u32 round = 1; round <= 20; ++round) {
    call_function(
        CpuMask::all(),
        [](void* arg) {
          auto& s = *static_cast<Seen*>(arg);
          s.calls[arch::Cpu::this_cpu().value].fetch_add(1);
          if (arch::Cpu::irqs_enabled()) s.with_interrupts_on.fetch_add(1);
        },
        &seen, Wait::kYes);
    for (const CpuId cpu : online_cpus()) CHECK(seen.calls[cpu.value].load() == round);
  }
  CHECK(seen.with_interrupts_on.load() == 0u);
}

RUNNEL_TEST(smp, crossing_calls_do_not_deadlock, .cpus = 2, .limit = 10_s)
{
  std::atomic<u64> calls{0};
  constexpr u32 kRounds = 30;
  test::run_on_each_cpu([&](u32) {
    for (u32 i = 0; i < kRounds; ++i)
      call_function(
          CpuMask::all(), [](void* arg) { static_cast<std::atomic<u64>*>(arg)->fetch_add(1); }, &calls,
          i % 4 == 0 ? Wait::kNo : Wait::kYes);
  });
  // A call without wait may still be under way: a waiting one behind it has to find it done.
  call_function(CpuMask::all(), [](void*) {}, nullptr, Wait::kYes);
  const u64 n = online_cpus().count();
  CHECK(calls.load() == n * n * kRounds);
}

RUNNEL_TEST(smp, irq_work_runs_in_interrupt_context_once, .limit = 2_s)
{
  struct Work : irq::IrqWork {
    std::atomic<u32> runs{0};
    std::atomic<u32> count_inside{0};
    std::atomic<bool> irqs_inside{true};
  };
  Work work;
  work.fn = [](irq::IrqWork& w) {
    auto& self = static_cast<Work&>(w);
    self.count_inside.store(arch::Cpu::current()->preempt_count);
    self.irqs_inside.store(arch::Cpu::irqs_enabled());
    self.runs.fetch_add(1);
  };
  {
    const IrqGuard irqs_off;
    CHECK(irq::irq_work_queue(work));
    CHECK(!irq::irq_work_queue(work)); // queued already
    CHECK(work.runs.load() == 0u);     // not before interrupts are on
  }
  const Instant limit = time::now() + 100_ms;
  while (work.runs.load() == 0 && time::now().is_before(limit)) arch::Cpu::relax();
  CHECK(work.runs.load() == 1u);
  CHECK((work.count_inside.load() & kHardirqMask) == kHardirqOne);
  CHECK(!work.irqs_inside.load());
  CHECK(irq::irq_work_queue(work)); // and again
  while (work.runs.load() == 1 && time::now().is_before(limit)) arch::Cpu::relax();
  CHECK(work.runs.load() == 2u);
}

} // namespace
} // namespace runnel
