// SPDX-License-Identifier: Apache-2.0
#include "kernel/sync/guards.hpp"
#include "tests/target/threads.hpp"

namespace runnel {
namespace {

RUNNEL_TEST(sync, spinlock_excludes_on_one_cpu, .limit = 2_s)
{
  SpinLock lock{LockRank::kVmap};
  u64 counter = 0;
  test::run_threads(4, [&](u32) {
    CHECK(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
    for (u32 i = 0; i < 500; ++i) {
      const SpinGuard guard(lock);
      const u64 seen = counter;
      arch::Cpu::relax();
      counter = seen + 1;
    }
  });
  CHECK(counter == 2000u);
  CHECK(!lock.is_locked());
}

RUNNEL_TEST(sync, spinlock_excludes_between_cpus, .cpus = 2, .limit = 4_s)
{
  SpinLock lock{LockRank::kVmap};
  volatile u64 counter = 0;
  constexpr u64 kRounds = 200; // each may wait for the host to run the virtual CPU whose turn it is
  test::run_on_each_cpu([&](u32) {
    for (u64 i = 0; i < kRounds; ++i) {
      const IrqSpinGuard guard(lock);
      const u64 seen = counter;
      arch::Cpu::relax();
      counter = seen + 1;
    }
  });
  const u64 counted = counter;
  CHECK(counted == kRounds * online_cpus().count());
}

bool try_and_release(SpinLock& lock) NO_THREAD_SAFETY_ANALYSIS {
  const bool got = lock.try_lock();
  if (got) lock.unlock();
  return got;
}

RUNNEL_TEST(sync, try_lock_fails_while_held)
{
  SpinLock lock{LockRank::kVmap};
  bool first = false;
  bool second = true;
  {
    const PreemptGuard pinned;
    if (lock.try_lock()) {
      first = lock.is_locked();
      second = try_and_release(lock);
      lock.unlock();
    }
  }
  CHECK(first);
  CHECK(!second);
  CHECK(!lock.is_locked());
}

RUNNEL_TEST(sync, guards_restore_what_they_found)
{
  SpinLock lock{LockRank::kVmap};
  const u32 depth = arch::Cpu::current()->preempt_count;
  CHECK(arch::Cpu::irqs_enabled());
  {
    const IrqSpinGuard outer(lock);
    CHECK(!arch::Cpu::irqs_enabled());
    CHECK(arch::Cpu::current()->preempt_count == depth + 1);
    {
      const IrqGuard inner;
      CHECK(!arch::Cpu::irqs_enabled());
    }
    CHECK(!arch::Cpu::irqs_enabled());
  }
  CHECK(arch::Cpu::irqs_enabled());
  CHECK(arch::Cpu::current()->preempt_count == depth);
}

} // namespace
} // namespace runnel
