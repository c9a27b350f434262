// SPDX-License-Identifier: Apache-2.0
// The lock-order checker must speak up for every kind of mistake it is there for.
#include "kernel/irq/irq_work.hpp"
#include "kernel/sync/guards.hpp"
#include "tests/target/threads.hpp"

#include <string_view>

#ifdef RUNNEL_DEBUG

namespace runnel {
namespace {

constinit std::atomic<const char*> reported{nullptr};
constinit std::atomic<u32> reports{0};

void note(const char* what, LockRank, LockRank) {
  reported.store(what, std::memory_order_relaxed);
  reports.fetch_add(1, std::memory_order_relaxed);
}

/// Reports go to note() while it lives; nothing else may run on this CPU meanwhile.
class Listening {
 public:
  Listening() {
    reported.store(nullptr, std::memory_order_relaxed);
    reports.store(0, std::memory_order_relaxed);
    sync::lockdep_set_hook(note);
  }
  ~Listening() { sync::lockdep_set_hook(nullptr); }
};

std::string_view last_report() {
  const char* what = reported.load(std::memory_order_relaxed);
  return what != nullptr ? what : "";
}

RUNNEL_TEST(lockdep, right_order_is_silent)
{
  SpinLock outer{LockRank::kTaskList};
  SpinLock inner{LockRank::kWaitQueue};
  const Listening listening;
  {
    const IrqSpinGuard a(outer);
    const IrqSpinGuard b(inner);
    CHECK(sync::lockdep_held_count() == 2u);
  }
  CHECK(reports.load() == 0u);
}

RUNNEL_TEST(lockdep, wrong_order_is_reported)
{
  SpinLock outer{LockRank::kTaskList};
  SpinLock inner{LockRank::kWaitQueue};
  std::string_view said;
  {
    const Listening listening;
    const IrqSpinGuard b(inner);
    sync::lockdep_acquire(outer, LockRank::kTaskList, sync::Nesting::kNone, nullptr);
    said = last_report();
  }
  CHECK(said == "wrong order");
}

RUNNEL_TEST(lockdep, same_lock_twice_is_reported)
{
  SpinLock lock{LockRank::kWaitQueue};
  std::string_view said;
  {
    const Listening listening;
    const IrqSpinGuard a(lock);
    sync::lockdep_acquire(lock, LockRank::kWaitQueue, sync::Nesting::kNone, nullptr);
    said = last_report();
  }
  CHECK(said == "taken twice by one CPU");
}

RUNNEL_TEST(lockdep, same_rank_needs_address_order)
{
  SpinLock locks[2] = {SpinLock{LockRank::kRq}, SpinLock{LockRank::kRq}};
  std::string_view downwards;
  {
    const Listening listening;
    const IrqSpinGuard b(locks[1]);
    sync::lockdep_acquire(locks[0], LockRank::kRq, sync::Nesting::kSameRank, nullptr);
    downwards = last_report();
  }
  CHECK(downwards == "wrong order");
  {
    const Listening listening;
    const IrqSpinGuard a(locks[0]);
    sync::lockdep_acquire(locks[1], LockRank::kRq, sync::Nesting::kSameRank, nullptr);
    sync::lockdep_release(locks[1]);
    downwards = last_report();
  }
  CHECK(downwards == "");
}

RUNNEL_TEST(lockdep, releasing_what_is_not_held_is_reported)
{
  const SpinLock lock{LockRank::kWaitQueue};
  std::string_view said;
  {
    const Listening listening;
    const PreemptGuard pinned;
    sync::lockdep_release(lock);
    said = last_report();
  }
  CHECK(said == "released but not held");
}

RUNNEL_TEST(lockdep, sleeping_with_a_spinlock_is_reported)
{
  SpinLock lock{LockRank::kWaitQueue};
  std::string_view said;
  {
    const Listening listening;
    const IrqSpinGuard guard(lock);
    sync::lockdep_assert_none_held(nullptr, "sleeping");
    said = last_report();
  }
  CHECK(said == "sleeping");
}

} // namespace
} // namespace runnel

#endif
