// SPDX-License-Identifier: Apache-2.0
// The fair class: where a task begins on a queue it joins (spec 3.7).
#include "kernel/sync/preempt.hpp"
#include "sched/fair/eevdf.hpp"
#include "tests/target/sched_fair.hpp"

#include <sched/sched_class.hpp>

namespace runnel {
namespace {

namespace eevdf = sched::eevdf;

// F29
RUNNEL_TEST(fair, new_task_starts_with_half_a_request)
{
  for (u32 round = 0; round < 4; ++round) {
    const CpuId here{round % online_cpus().count()};
    REQUIRE(set_affinity(current_task(), CpuMask::of(here)).has_value());
    const Result<Task*> task = kthread_create("new", [](void*) {}, nullptr, {.cpus = CpuMask::of(here)});
    REQUIRE(task.has_value());
    sched::FairEntity& se = (*task)->se;
    {
      const PreemptGuard not_yet;
      kthread_start(**task);
      const sync::IrqGuard irqs_off;
      sched::RqLock lock(sched::cpu_rq(here));
      CHECK(se.on_rq);
      CHECK(se.slice == sched::fair_slice(current_task()));
      CHECK(se.deadline - se.vruntime == eevdf::virtual_slice(se) / 2);
    }
    CHECK(kthread_join(*task) == 0);
  }
}

/// Moves `p`, which waits on `from`, under both locks: no time passes on either queue.
void check_move(sched::Rq& from, sched::Rq& to, Task& p) REQUIRES(from.lock, to.lock) {
  const auto lag = [&](sched::Rq& rq) {
    return static_cast<i64>(eevdf::mean_vruntime(rq.fair.eevdf) - p.se.vruntime);
  };
  const i64 before = lag(from);
  const u64 rest = p.se.deadline - p.se.vruntime;
  sched::move_queued_task(from, to, p);
  const i64 after = lag(to);
  CHECK(p.se.vlag == before);
  CHECK(after - before <= 2);
  CHECK(after - before >= -2);
  CHECK(p.se.deadline - p.se.vruntime == rest);
}

// F30: there and back, so that the thread is where it may be when the locks are released
RUNNEL_TEST(fair, migration_keeps_lag_and_deadline, .cpus = 2, .limit = 5_s, .time = test::GuestTime::kExact)
{
  REQUIRE(set_affinity(current_task(), CpuMask::of(CpuId{0})).has_value());
  const test::FairParams params[2] = {};
  test::Hogs here(params, CpuId{0});
  test::Hogs there(params, CpuId{1});
  sched::Rq& from = sched::cpu_rq(CpuId{0});
  sched::Rq& to = sched::cpu_rq(CpuId{1});
  u32 moved = 0;
  for (u32 round = 0; round < 12; ++round) {
    sleep_for(5_ms);
    const sync::IrqGuard irqs_off;
    sched::DoubleRqLock both(from, to);
    sched::update_rq_clock(from);
    sched::fair_sched_class.update_curr(from);
    sched::update_rq_clock(to);
    sched::fair_sched_class.update_curr(to);
    Task& p = here[round % 2];
    if (p.sched_delayed || !p.is_queued() || p.is_on_cpu()) continue;
    check_move(from, to, p);
    check_move(to, from, p);
    ++moved;
  }
  CHECK(moved == 12u);
}

} // namespace
} // namespace runnel
