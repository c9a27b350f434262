// SPDX-License-Identifier: Apache-2.0
// Whoever sends the running task of another CPU away (active balancing, spec 3.12; RT6 and its like in the
// deadline class) lets go of that CPU's lock before its stopper is asked. The CPU may be gone by then
// (spec 1.20).
#include "sched/balance/env.hpp"
#include "sched/core/push_current.hpp"
#include "sched/sim/hotplug.hpp"
#include "tests/sched/storm.hpp"

#include <catch2/catch.hpp>
#include <sched/sched_class.hpp>

using namespace runnel;
using namespace runnel::sched;

namespace {

Duration random_time(sim::Rng& rng, u64 most) {
  return Duration{static_cast<i64>(rng.log_between(100, most))};
}

/// What a balancer does that has found `from` too full.
void send_away(CpuId from, CpuId to) NO_THREAD_SAFETY_ANALYSIS {
  const port::IrqGuard irqs_off;
  Rq& rq = cpu_rq(from);
  rq_lock(rq);
  update_rq_clock(rq);
  if (rq.curr->sched_class == &fair_sched_class)
    push_running_task(rq, to);
  else if (rq.curr->sched_class == &rt_sched_class && rq.curr == rq.donor)
    push_current_away(rq);
  rq_unlock(rq);
}

/// Nobody's request is left over: each would keep its CPU from ever being relieved again.
void check_nothing_is_left() NO_THREAD_SAFETY_ANALYSIS {
  for (u32 i = 0; i < sim::machine->nr_cpus(); ++i) {
    const Rq& rq = cpu_rq(CpuId{i});
    if (rq.balance.active_balance || rq.push_busy)
      sim::machine->fail("C22", "a request to send away is left");
  }
}

void run(const sim::Case& c) {
  sim::Rng& rng = sim::machine->rng();
  const u32 n = sim::machine->nr_cpus();
  u32 working = c.tasks + 1;
  std::vector<sim::TaskRef> tasks;
  for (u32 i = 0; i <= c.tasks; ++i) {
    sim::TaskOptions options{.name = "work"};
    if (rng.one_in(2)) {
      options.policy = Policy::kFifo;
      options.rt_priority = static_cast<u32>(rng.between(1, 50));
    }
    tasks.push_back(sim::spawn(options, [&, r = rng.fork()]() mutable {
      for (u32 k = 0; k < 8 * c.rounds; ++k)
        r.one_in(3) ? sim::sleep(random_time(r, 100'000)) : sim::compute(random_time(r, 200'000));
      --working;
    }));
  }
  // They come between the others when they like, or send away from an idle CPU's newly idle moments.
  for (u32 i = 0; i < 2; ++i)
    tasks.push_back(sim::spawn({.name = "sender", .policy = Policy::kFifo, .rt_priority = 90},
                               [&, r = rng.fork()]() mutable {
                                 const auto any = [&] { return CpuId{static_cast<u32>(r.below(n))}; };
                                 while (working != 0) {
                                   if (const CpuId from = any(), to = any(); from != to) send_away(from, to);
                                   sim::sleep(random_time(r, 20'000));
                                 }
                               }));
  while (working != 0) {
    const CpuId cpu{static_cast<u32>(n > 1 ? rng.between(1, n - 1) : 0)};
    if (sim::machine->online().test(cpu))
      static_cast<void>(sim::cpu_down(cpu));
    else
      static_cast<void>(sim::cpu_up(cpu));
    sim::sleep(random_time(rng, 100'000));
  }
  for (u32 i = 1; i < n; ++i) static_cast<void>(sim::cpu_up(CpuId{i}));
  for (const sim::TaskRef& task : tasks) sim::join(task);
  sim::sleep(1_ms);
  check_nothing_is_left();
}

} // namespace

TEST_CASE("storm: running tasks are sent away from CPUs that go down", "[storm][C22][C19]") {
  require_property({.max_cpus = 8, .max_tasks = 12, .max_rounds = 60, .cases = 150, .body = run});
}
