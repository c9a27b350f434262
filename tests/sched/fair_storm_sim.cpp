// SPDX-License-Identifier: Apache-2.0
// The fair class under random use on the simulated machine: after each act the queues are whole (F05, F08,
// F12).
#include "sched/fair/eevdf.hpp"
#include "sched/fair/eevdf_tree.hpp"
#include "sched/fair/fair.hpp"
#include "sched/fair/weights.hpp"
#include "tests/sched/dl_sim.hpp"
#include "tests/sched/fair_sim.hpp"

using namespace runnel;
using namespace runnel::sched;
using namespace runnel::sched::test;

namespace {

/// First thing that is wrong with the queue of `rq`, or nothing.
const char* fault_in(Rq& rq) REQUIRES(rq.lock) {
  const EevdfQueue& q = rq.fair.eevdf;
  u64 weight = 0;
  i128 keys = 0;
  u32 queued = 0;
  u32 runnable = 0;
  u32 idle_policy = 0;
  i128 lags = 0;
  const u64 mean = eevdf::mean_vruntime(q);
  for (FairEntity& se : rq.fair.tasks) {
    const Task& p = task_of(se);
    if (!se.on_rq) return "on the list but not in the competition";
    if (se.node.is_linked() == (q.curr == &se)) return "in the tree and current, or neither";
    if (se.delayed != p.sched_delayed) return "two opinions on whether it is delayed";
    if (se.delayed && se.vlag > 0) return "delayed with a credit";
    if (se.weight != weight_of(p.policy, p.static_prio)) return "a weight that is not its nice level's";
    if (p.sched_class != &fair_sched_class) return "of another class";
    ++queued;
    runnable += !se.delayed;
    idle_policy += p.policy == Policy::kIdle;
    lags += wide::mul(static_cast<i64>(mean - se.vruntime), se.weight);
    if (&se == q.curr) continue;
    weight += se.weight;
    keys += wide::mul(eevdf::key(q, se), se.weight);
  }
  if (queued != rq.fair.nr_queued || queued != q.nr_queued) return "nr_queued";
  if (runnable != rq.fair.nr_runnable) return "nr_runnable";
  if (idle_policy != rq.fair.nr_idle_policy.load(std::memory_order_relaxed)) return "nr_idle_policy";
  if (weight != q.sum_weight || keys != q.sum_weighted_keys) return "the sums";
  const i128 all = static_cast<i128>(eevdf::total_weight(q));
  if (queued != 0 && (lags > 0 || lags <= -all)) return "FB1: the lags do not add up to nothing";
  if (q.curr != nullptr && q.curr != &rq.donor->se) return "current is not the donor";
  if (q.next != nullptr && !q.next->on_rq) return "the buddy is not queued";
  for (const FairEntity* se = q.tree.first(); se != nullptr; se = FairTree::next(*se)) {
    u64 least = se->vruntime;
    for (const FairEntity* child : {FairTree::left(*se), FairTree::right(*se)})
      if (child != nullptr && static_cast<i64>(child->min_vruntime - least) < 0) least = child->min_vruntime;
    if (least != se->min_vruntime) return "the smallest vruntime of a subtree";
  }
  return nullptr;
}

void check_all() {
  for (u32 i = 0; i < sim::machine->nr_cpus(); ++i) {
    const port::IrqGuard irqs_off;
    Rq& rq = cpu_rq(CpuId{i});
    const RqLock guard(rq);
    if (const char* fault = fault_in(rq); fault != nullptr)
      sim::machine->fail("F05", "cpu " + std::to_string(i) + ": " + fault);
  }
}

u32 draw(u32 n) { return static_cast<u32>(sim::machine->rng().below(n)); }

FairParams any_params() {
  FairParams params;
  params.nice = static_cast<i32>(draw(40)) + kMinNice;
  const Policy policies[] = {Policy::kNormal, Policy::kNormal, Policy::kBatch, Policy::kIdle};
  params.policy = policies[draw(4)];
  if (draw(2) == 0) params.slice = Duration{static_cast<i64>(draw(20'000'000))};
  return params;
}

void act(std::vector<sim::TaskRef>& tasks) {
  sim::Task& other = *tasks[draw(static_cast<u32>(tasks.size()))];
  switch (draw(10)) {
  case 0:
    set_fair(other, any_params());
    break;
  case 1:
    REQUIRE(set_user_nice(other, static_cast<i32>(draw(40)) + kMinNice).has_value());
    break;
  case 2:
    yield();
    break;
  case 3: // out of the class and back
    REQUIRE(sched_setscheduler(other, static_cast<u32>(Policy::kFifo), 1 + draw(99)).has_value());
    sim::compute(Duration{static_cast<i64>(draw(100'000))});
    REQUIRE(sched_setscheduler(other, static_cast<u32>(Policy::kNormal), 0).has_value());
    break;
  case 4:
    REQUIRE(sim::set_affinity(other, CpuMask::of(CpuId{draw(sim::machine->nr_cpus())})).has_value());
    break;
  case 5:
    REQUIRE(sim::set_affinity(other, CpuMask::all()).has_value());
    break;
  case 6:
  case 7:
    sim::sleep(Duration{static_cast<i64>(draw(3'000'000))});
    break;
  default:
    sim::compute(Duration{static_cast<i64>(draw(3'000'000))});
  }
}

void storm(const char* shape, u64 seed, sim::Interleaving interleaving) {
  INFO("machine " << shape << ", seed " << seed);
  sim::Config config;
  config.shape = *sim::parse_shape(shape);
  config.seed = seed;
  config.interleaving = interleaving;
  config.ipi_latency = 2_us;
  sim::run(config, [] {
    std::vector<sim::TaskRef> tasks;
    bool all_there = false;
    for (u32 i = 0; i < 3 * sim::machine->nr_cpus() + 2; ++i)
      tasks.push_back(sim::spawn({.nice = static_cast<i32>(i % 40) + kMinNice}, [&] {
        sim::wait_until([&] { return all_there; });
        for (u32 n = 0; n < 40; ++n) {
          act(tasks);
          if (n % 4 == 0) check_all();
        }
      }));
    all_there = true;
    for (const sim::TaskRef& task : tasks) sim::wake(*task);
    for (const sim::TaskRef& task : tasks) sim::join(task);
    check_all();
  });
}

} // namespace

TEST_CASE("fair queues stay whole under random use", "[F05][F08][F12]") {
  for (u64 seed = 1; seed <= sim::seeds(12); ++seed)
    for (const char* shape : {"1", "2", "4", "2x4x2"}) storm(shape, seed, sim::Interleaving::kCoarse);
}

TEST_CASE("fair queues stay whole with other CPUs getting in anywhere", "[F05][F08][F12]") {
  for (u64 seed = 1; seed <= sim::seeds(30); ++seed)
    for (const char* shape : {"2", "4"}) storm(shape, seed, sim::Interleaving::kFine);
}
