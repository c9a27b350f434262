// SPDX-License-Identifier: Apache-2.0
// Programs of tests/user about restartable sequences and concurrency ids; debug images check the numbers at
// every switch while they run (sched/mm_cid/switch.hpp).
#include "kernel/smp/cpumask.hpp"
#include "kernel/smp/hotplug.hpp"
#include "kernel/sync/guards.hpp"
#include "kernel/sync/lockdep.hpp"
#include "kernel/sync/mutex.hpp"
#include "kernel/test/test.hpp"
#include "kernel/time/sleep.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/rseq/access.hpp"
#include "kernel/user/rseq/rseq.hpp"
#include "kernel/user/uaccess.hpp"
#include "sched/mm_cid/algorithm.hpp"

namespace runnel {
namespace {

using user::rseq::Statistics;

Result<user::Process*> spawn(std::string_view path, std::string_view argument) {
  const std::string_view argv[] = {path, argument};
  constexpr std::string_view kEnvironment[] = {"KTAP_QUIET=1", "RSEQ_EXACT=1"};
  return user::spawn(path, {argv, argument.empty() ? 1u : 2u}, kEnvironment);
}
void run_program(std::string_view path, std::string_view argument = "") {
  const Result<user::Process*> process = spawn(path, argument);
  CHECK(process.has_value());
  if (!process) return;
  (*process)->exited.wait();
  CHECK((*process)->exit_status == 0);
  put_process(**process);
}

/// Spec 3.10: what holds of the counters whatever has run. A failed evaluation is neither a clear nor a
/// fixup.
void check_laws() {
  const Statistics s = user::rseq::total_statistics();
  CHECK(s.clear + s.fixup <= s.section);
  CHECK(s.ids <= s.fast + s.slow);
  CHECK(s.section <= s.fast + s.slow + s.signal);
  CHECK(s.fast <= s.exit);
  CHECK(s.slow <= s.fast);
}

// rseq.A01, rseq.A02, rseq.A04, rseq.A05, rseq.A06, rseq.A07, rseq.A08, rseq.A09, rseq.A10, rseq.A11,
// rseq.E07
RUNNEL_TEST(user_rseq, calls, .limit = 10_s)
{
  run_program("/bin/rseq_calls");
  check_laws();
}

// rseq.A03, rseq.A12, rseq.A13, rseq.C01, rseq.C04, rseq.C05, rseq.C06, rseq.C07, rseq.C08, rseq.C09,
// rseq.C11, rseq.C12, rseq.C19, rseq.E03, rseq.E07
RUNNEL_TEST(user_rseq, sections, .limit = 30_s, .time = test::GuestTime::kExact)
{
  run_program("/bin/rseq_sections");
  check_laws();
}

// rseq.C02, rseq.C03, rseq.C10, rseq.C13, rseq.C14, rseq.C16, rseq.E07
RUNNEL_TEST(user_rseq, edges, .limit = 20_s, .time = test::GuestTime::kExact)
{
  run_program("/bin/rseq_edges");
  check_laws();
}

// rseq.D01, rseq.D03, rseq.D05, rseq.D13, rseq.D14, rseq.D15, rseq.D16, rseq.D17, rseq.D24, rseq.D26,
// rseq.D27, rseq.D28, rseq.D36
RUNNEL_TEST(user_rseq, concurrency_ids, .limit = 30_s)
{
  run_program("/bin/mm_cid");
}

// rseq.D01, rseq.D03, rseq.D13, rseq.D14, rseq.D15, rseq.D27
RUNNEL_TEST(user_rseq, threads_come_and_go, .limit = 60_s)
{
  run_program("/bin/mm_cid_storm", "40");
}

// The minute of it, for who names it. rseq.D01, rseq.D03, rseq.D13, rseq.D14, rseq.D15, rseq.D27
RUNNEL_TEST(user_soak, concurrency_ids, .limit = 240_s, .select = test::Select::kOnlyByName)
{
  run_program("/bin/mm_cid_storm", "60000");
}

// rseq.D02, rseq.D04, rseq.D06, rseq.D09, rseq.D12, rseq.D18, rseq.D23, rseq.D25, rseq.D29
RUNNEL_TEST(user_rseq, owners_of_ids, .limit = 60_s, .time = test::GuestTime::kExact)
{
  run_program("/bin/mm_cid_owners");
#ifdef RUNNEL_DEBUG
  CHECK(sched::cid_most_tries.load(std::memory_order_relaxed) <= nr_cpus());
#endif
}

// rseq.D33
RUNNEL_TEST(user_rseq, ids_of_unplugged_cpus, .cpus = 2, .limit = 60_s)
{
  const Result<user::Process*> process = spawn("/bin/mm_cid_owners", "unplug");
  REQUIRE(process.has_value());
  for (u32 round = 0; round < 3; ++round) {
    for (u32 cpu = 1; cpu < nr_cpus(); ++cpu) CHECK(smp::cpu_down({cpu}).has_value());
    sleep_for(2_ms);
    for (u32 cpu = 1; cpu < nr_cpus(); ++cpu) CHECK(smp::cpu_up({cpu}).has_value());
    sleep_for(2_ms);
  }
  (*process)->exited.wait();
  CHECK((*process)->exit_status == 0);
  put_process(**process);
}

#ifdef RUNNEL_DEBUG
// rseq.D22, rseq.D36
RUNNEL_TEST(user_rseq, work_put_off_for_who_is_gone, .limit = 30_s)
{
  user::rseq::test_points.defer_at_end.store(true, std::memory_order_relaxed);
  run_program("/bin/mm_cid");
  user::rseq::test_points.defer_at_end.store(false, std::memory_order_relaxed);
}

// rseq.D32
RUNNEL_TEST(user_rseq, order_of_the_locks_of_ids)
{
  static constinit std::atomic<u32> reports{0};
  SpinLock rq{LockRank::kRq};
  SpinLock cids{LockRank::kMmCid};
  Mutex mutex;
  reports.store(0);
  sync::lockdep_set_hook([](const char*, LockRank, LockRank) { reports.fetch_add(1); });
  mutex.lock();
  {
    const IrqSpinGuard outer(rq);
    const IrqSpinGuard inner(cids);
  }
  mutex.unlock();
  const u32 right = reports.load();
  {
    const IrqSpinGuard inner(cids);
    sync::lockdep_acquire(rq, LockRank::kRq, sync::Nesting::kNone, nullptr); // reported, and not recorded
  }
  const u32 rq_under_cids = reports.load() - right;
  {
    const IrqSpinGuard outer(rq);
    mutex.lock();
    mutex.unlock();
  }
  const u32 mutex_under_rq = reports.load() - right - rq_under_cids;
  sync::lockdep_set_hook(nullptr);
  CHECK(right == 0u);
  CHECK(rq_under_cids == 1u);
  CHECK(mutex_under_rq > 0u);
}
#endif

// rseq.A12, rseq.C15, rseq.C18
RUNNEL_TEST(user_rseq, strict, .limit = 10_s)
{
  run_program("/bin/rseq_strict", "lax");
  user::rseq::strict.store(true, std::memory_order_relaxed);
  run_program("/bin/rseq_strict");
  user::rseq::strict.store(false, std::memory_order_relaxed);
}

// Sections interrupted at each of their instructions, by signals, preemptions and migrations.
RUNNEL_TEST(user_rseq, torture, .limit = 60_s, .time = test::GuestTime::kExact)
{
  run_program("/bin/rseq_torture");
  check_laws();
}

// rseq.E01, rseq.E04, rseq.E05, rseq.E08, rseq.E10, rseq.E11
RUNNEL_TEST(user_rseq, ids, .limit = 20_s, .time = test::GuestTime::kExact)
{
  // Debug images compare the ids with the CPU at each return to user mode, and count how often a fast path
  // goes to user memory (kernel/user/rseq/test_points.cpp).
  run_program("/bin/rseq_ids");
  check_laws();
}

// rseq.E01, rseq.D34
RUNNEL_TEST(user_rseq, classes, .limit = 20_s)
{
  run_program("/bin/rseq_ids", "classes");
}

#ifdef RUNNEL_DEBUG
// With one CPU the ids do not change, and most of the accesses are not made.
// rseq.E06
RUNNEL_TEST(user_rseq, faults_on_the_way_out, .cpus = 2, .limit = 60_s, .time = test::GuestTime::kExact)
{
  // Ids read back and stored, slice_ctrl, rseq_cs; then the descriptor, the signature, rseq_cs again.
  constexpr u32 kMostAccesses = 15;
  for (u32 number = 0; number <= kMostAccesses; ++number) {
    const u64 before = user::rseq::total_statistics().slow;
    user::rseq::test_points.fault_at.store(number, std::memory_order_relaxed);
    run_program("/bin/rseq_ids", "counters");
    user::rseq::test_points.fault_at.store(0, std::memory_order_relaxed);
    // Some pages are not there by themselves.
    const u64 slow = user::rseq::total_statistics().slow - before;
    CHECK((number == 0 ? slow < 20u : slow >= 20u));
    test::note("access {}: {} slow paths", number, slow);
  }
  check_laws();
}

// rseq.C20
RUNNEL_TEST(user_rseq, no_user_memory_under_scheduler_locks)
{
  static constinit std::atomic<u32> reports{0};
  SpinLock lock{LockRank::kRq};
  sync::lockdep_set_hook([](const char*, LockRank, LockRank) { reports.fetch_add(1); });
  reports.store(0);
  const bool outside = user::load_user<u32>(0).has_value(); // a kernel thread has no user memory
  const u32 nothing = reports.load();
  bool inside;
  {
    const IrqSpinGuard guard(lock);
    inside = user::load_user<u32>(0).has_value();
    const user::rseq::Access access;
  }
  const u32 both = reports.load();
  sync::lockdep_set_hook(nullptr);
  CHECK((!outside && !inside));
  CHECK(nothing == 0u);
  CHECK(both == 2u);
}

// rseq.T08
RUNNEL_TEST(user_rseq, slices_granted_too_late, .limit = 20_s, .time = test::GuestTime::kExact)
{
  user::rseq::test_points.grant_delay.store(60'000, std::memory_order_relaxed);
  run_program("/bin/rseq_slice_ends", "late");
  user::rseq::test_points.grant_delay.store(0, std::memory_order_relaxed);
}
#endif

// rseq.T06, rseq.T07, rseq.T09
RUNNEL_TEST(user_rseq, slice_ends, .limit = 20_s, .time = test::GuestTime::kExact)
{
  run_program("/bin/rseq_slice_ends");
}

// rseq.T01, rseq.T02, rseq.T03, rseq.T04, rseq.T05, rseq.T10, rseq.T11, rseq.T12, rseq.T13
RUNNEL_TEST(user_rseq, slices, .limit = 20_s, .time = test::GuestTime::kExact)
{
  run_program("/bin/rseq_slice");
}

} // namespace
} // namespace runnel
