// SPDX-License-Identifier: Apache-2.0
// Proxy execution, property by property, each with its own small scene on the simulated machine (spec
// 6, 9.5).
#include "tests/sched/storm.hpp"

#include <catch2/catch.hpp>
#include <sched/attr.hpp>
#include <sched/deadline.hpp>
#include <sched/mutex.hpp>
#include <sched/proxy.hpp>
#include <sched/rq.hpp>

using namespace runnel;
using sched::features;
using sched::Policy;
using sched::ProxyLevel;

namespace {

sim::Outcome on(const char* shape, std::function<void()> body) {
  sim::Config config;
  config.shape = *sim::parse_shape(shape);
  config.tracing = sim::Tracing::kOn;
  return sim::run(config, std::move(body));
}

CpuMask only(u32 cpu) { return CpuMask::of(CpuId{cpu}); }

sim::TaskOptions fifo(u32 priority, const CpuMask& cpus) {
  return {.name = "fifo", .cpus = cpus, .policy = Policy::kFifo, .rt_priority = priority};
}

/// The body directs from above all others, on CPU 0.
void direct() {
  REQUIRE(sched::sched_setscheduler(sim::self(), static_cast<u32>(Policy::kFifo), 99).has_value());
  REQUIRE(sim::set_affinity(sim::self(), only(0)).has_value());
}

void join_all(const std::vector<sim::TaskRef>& tasks) {
  for (const sim::TaskRef& task : tasks) sim::join(task);
}

void locked(sched::Mutex& mutex, Duration section) {
  CHECK(mutex.lock().has_value());
  sim::compute(section);
  mutex.unlock();
}

Duration time_of(sim::Task& task) { return sched::task_runtime(task); }

} // namespace

TEST_CASE("proxy: a low owner executes for a high waiter past a medium hog", "[P01]") {
  const WithFeature proxy(features.proxy_exec, true);
  for (const Policy policy : {Policy::kFifo, Policy::kNormal})
    on("1", [policy] {
      direct();
      sched::Mutex mutex;
      Duration waited;
      const auto owner = sim::spawn(policy == Policy::kFifo ? fifo(10, only(0)) : sim::TaskOptions{},
                                    [&] { locked(mutex, 4_ms); });
      sim::sleep(1_ms);
      REQUIRE(mutex.owner() == &*owner);
      const auto hog = sim::spawn(fifo(50, only(0)), [] { sim::compute(30_ms); });
      const auto waiter = sim::spawn(fifo(90, only(0)), [&] {
        const Instant start = sim::now();
        locked(mutex, 0_ms);
        waited = sim::now() - start;
      });
      sim::sleep(1_ms);
      const sched::Rq& rq = sched::this_rq();
      CHECK(waiter->is_queued()); // it waits on its queue, and the owner has nothing but what is its own
      CHECK(sched::task_is_blocked(*waiter));
      CHECK(owner->prio == owner->normal_prio);
      CHECK(rq.curr == &sim::self());
      CHECK(time_of(*owner) >= Duration{1'990'000});
      CHECK(time_of(*hog) == 0_ms);
      join_all({owner, hog, waiter});
      CHECK(waited.ns >= 2'990'000);
      CHECK(waited.ns <= 3'010'000);
    });
}

TEST_CASE("proxy: the donor follows a chain of owners over four CPUs, one logged move a hop", "[P02]") {
  const WithFeature proxy(features.proxy_exec, true);
  for (const ProxyLevel level : {ProxyLevel::kMove, ProxyLevel::kWakeReturn}) {
    const WithFeature at_level(features.proxy_level, level);
    constexpr u32 kLocks = 5;
    u32 waiter_pid = 0;
    Instant asked, got;
    const sim::Outcome outcome = on("1x4x1", [&] {
      direct();
      sched::Mutex mutexes[kLocks];
      std::vector<sim::TaskRef> tasks;
      bool stop = false;
      // Task i owns lock i and waits for lock i - 1; the first is stopped in its section by a hog.
      for (u32 i = 0; i < kLocks; ++i) {
        tasks.push_back(sim::spawn(fifo(10, only(i % 4 + i / 4)), [&, i] {
          CHECK(mutexes[i].lock().has_value());
          if (i > 0) CHECK(mutexes[i - 1].lock().has_value());
          sim::compute(100_us);
          if (i > 0) mutexes[i - 1].unlock();
          mutexes[i].unlock();
        }));
        sim::sleep(10_us);
        REQUIRE(mutexes[i].owner() == &*tasks[i]);
      }
      for (u32 cpu = 0; cpu < 4; ++cpu)
        tasks.push_back(sim::spawn(fifo(50, only(cpu)), [&] {
          while (!stop) sim::compute(100_us);
        }));
      sim::sleep(50_us);
      tasks.push_back(sim::spawn(fifo(90, only(3)), [&] {
        asked = sim::now();
        CHECK(mutexes[kLocks - 1].lock().has_value());
        got = sim::now();
        mutexes[kLocks - 1].unlock();
      }));
      waiter_pid = tasks.back()->pid;
      sim::sleep(5_ms);
      CHECK(mutexes[kLocks - 1].owner() == nullptr); // it got through while the hogs go on
      stop = true;
      join_all(tasks);
    });
    CHECK(got - asked <= 1_ms);
    u32 moves = 0;
    u64 at = 3;
    for (const trace::Event& event : outcome.trace) {
      if (event.type != trace::EventType::kSchedMigrateTask || event.pid != waiter_pid) continue;
      ++moves;
      CHECK(event.b != at); // a move that leads nowhere is none
      at = event.b;
    }
    CHECK(moves >= 2); // to the head of the chain, and back
    CHECK(moves <= 2 * kLocks + 2);
    CHECK(at == 3); // P05: it has returned
  }
}

TEST_CASE("proxy: an owner that sleeps lets its waiter sleep, and everyone else run", "[P01]") {
  const WithFeature proxy(features.proxy_exec, true);
  on("1", [] {
    direct();
    sched::Mutex mutex;
    std::string order;
    const auto owner = sim::spawn(fifo(10, only(0)), [&] {
      CHECK(mutex.lock().has_value());
      sim::sleep(3_ms);
      order += 'o';
      mutex.unlock();
    });
    sim::sleep(100_us);
    const auto other = sim::spawn(fifo(5, only(0)), [&] { order += 'x'; });
    const auto waiter = sim::spawn(fifo(90, only(0)), [&] {
      CHECK(mutex.lock().has_value());
      order += 'w';
      mutex.unlock();
    });
    sim::sleep(1_ms);
    CHECK(!waiter->is_queued());
    CHECK(order == "x");
    join_all({owner, other, waiter});
    CHECK(order == "xow");
  });
}

TEST_CASE("proxy: a waiter that has to wait on is sent where it may run by its waker", "[P05]") {
  const WithFeature proxy(features.proxy_exec, true);
  // The waiter, CPU 1's, lends itself to the owner on CPU 0, and a second waiter of CPU 0 stays there.
  for (const ProxyLevel level : {ProxyLevel::kMove, ProxyLevel::kWakeReturn}) {
    const WithFeature at_level(features.proxy_level, level);
    on("1x2x1", [] {
      direct();
      sched::Mutex mutex;
      u32 ran_on = sim::kNoCpu;
      const auto owner = sim::spawn(fifo(10, only(0)), [&] { locked(mutex, 2_ms); });
      sim::sleep(100_us);
      const auto waiter = sim::spawn(fifo(20, only(1)), [&] {
        CHECK(mutex.lock().has_value());
        ran_on = sim::cpu().value;
        mutex.unlock();
      });
      sim::sleep(500_us);
      CHECK(waiter->task_cpu() == CpuId{0});
      CHECK(waiter->wake_cpu == 1);
      // A7: it does not execute here, so a change of its mask need not wait for anything.
      CHECK(sim::set_affinity(*waiter, only(1)).has_value());
      CHECK(waiter->task_cpu() == CpuId{0});
      join_all({owner, waiter});
      CHECK(ran_on == 1);
    });
  }
}

TEST_CASE("proxy storm: when all is quiet everyone is where it may be", "[storm][P04][P05]") {
  const WithFeature proxy(features.proxy_exec, true);
  const auto body = [](const sim::Case& c) {
    std::vector<std::unique_ptr<sched::Mutex>> mutexes;
    for (u32 i = 0; i < 4; ++i) mutexes.push_back(std::make_unique<sched::Mutex>());
    std::vector<sim::TaskRef> tasks;
    u32 through = 0;
    bool over = false;
    sim::Rng& rng = sim::machine->rng();
    const u32 n = sim::machine->nr_cpus();
    for (u32 i = 0; i < c.tasks; ++i) {
      sim::TaskOptions options{.name = "quiet", .cpus = only(static_cast<u32>(rng.below(n)))};
      if (rng.one_in(2)) {
        options.policy = Policy::kFifo;
        options.rt_priority = static_cast<u32>(rng.between(1, 50));
      }
      tasks.push_back(sim::spawn(options, [&, r = rng.fork()]() mutable {
        for (u32 round = 0; round < c.rounds; ++round) {
          const u64 first = r.below(3);
          REQUIRE(mutexes[first]->lock().has_value());
          REQUIRE(mutexes[first + 1]->lock().has_value());
          sim::compute(Duration{static_cast<i64>(r.log_between(100, 200'000))});
          mutexes[first]->unlock();
          mutexes[first + 1]->unlock();
        }
        ++through;
        sim::wait_until([&] { return over; });
        if (!sim::self().cpus_mask.test(sim::cpu())) sim::machine->fail("P05", "it runs where it may not");
      }));
    }
    while (through != c.tasks) sim::sleep(1_ms);
    sim::sleep(1_ms);
    for (const sim::TaskRef& task : tasks) {
      if (task->pi.blocked_on.load() != nullptr) sim::machine->fail("P04", "it waits for a mutex no more");
      if (task->is_queued() && !task->cpus_mask.test(task->task_cpu()))
        sim::machine->fail("P05", "it is queued where it may not run");
    }
    over = true;
    for (const sim::TaskRef& task : tasks) sim::wake(*task);
    join_all(tasks);
  };
  for (const ProxyLevel level : {ProxyLevel::kOneCpu, ProxyLevel::kMove, ProxyLevel::kWakeReturn}) {
    const WithFeature at_level(features.proxy_level, level);
    require_property({.max_cpus = 8, .max_tasks = 16, .max_rounds = 20, .cases = 30, .body = body});
  }
}

TEST_CASE("proxy: executed time is the owner's, charged time the donor's", "[P06]") {
  const WithFeature proxy(features.proxy_exec, true);
  on("1", [] {
    direct();
    sched::Mutex mutex;
    const auto owner = sim::spawn({.name = "owner"}, [&] { locked(mutex, 4_ms); });
    sim::sleep(1_ms);
    Duration owner_ran, donor_ran;
    i64 charged = 0;
    const auto donor = sim::spawn(
        {.name = "donor", .policy = Policy::kDeadline, .runtime = 10_ms, .deadline = 50_ms, .period = 50_ms},
        [&] {
          const Duration own = time_of(sim::self());
          const Duration others = time_of(*owner);
          const i64 budget = sim::self().dl.runtime;
          CHECK(mutex.lock().has_value());
          donor_ran = time_of(sim::self()) - own;
          owner_ran = time_of(*owner) - others;
          charged = budget - sim::self().dl.runtime;
          mutex.unlock();
        });
    const u64 vruntime = owner->se.vruntime;
    join_all({donor, owner});
    CHECK(owner_ran == 3_ms); // all of its section that was left
    CHECK(donor_ran == 0_ms); // it executed nothing, the simulated scheduler itself takes no time
    CHECK(charged == owner_ran.ns + donor_ran.ns);
    CHECK(owner->se.vruntime == vruntime); // and the owner paid nothing
  });
}

TEST_CASE("proxy: fair waiters pay for fair owners", "[P06]") {
  const WithFeature proxy(features.proxy_exec, true);
  on("1", [] {
    direct();
    sched::Mutex mutex;
    sim::TaskRef tasks[3];
    // Of three equals two use one mutex all the time: whoever executes, each is charged a third.
    bool stop = false;
    const auto use = [&] {
      while (!stop) locked(mutex, 300_us);
    };
    tasks[0] = sim::spawn({.name = "a"}, use);
    tasks[1] = sim::spawn({.name = "b"}, use);
    tasks[2] = sim::spawn({.name = "c"}, [&] {
      while (!stop) sim::compute(100_us);
    });
    sim::sleep(3000_ms);
    const Duration third = 1000_ms;
    CHECK(std::abs((time_of(*tasks[2]) - third).ns) < 10'000'000);
    CHECK(std::abs((time_of(*tasks[0]) + time_of(*tasks[1]) - third * 2).ns) < 10'000'000);
    stop = true;
    for (const sim::TaskRef& task : tasks) sim::join(task);
  });
}

namespace {

bool same(const std::vector<trace::Event>& a, const std::vector<trace::Event>& b) {
  return std::ranges::equal(a, b, [](const trace::Event& x, const trace::Event& y) {
    return x.time_ns == y.time_ns && x.type == y.type && x.cpu == y.cpu && x.pid == y.pid && x.a == y.a &&
           x.b == y.b;
  });
}

std::vector<trace::Event> trace_of(const Storm& kind, u64 seed) {
  const sim::Property property{
      .name = "P07", .max_cpus = 8, .max_tasks = 12, .body = [&](const sim::Case& c) { run_storm(kind, c); }};
  sim::Case c = sim::generate(property, seed);
  c.interleaving = sim::Interleaving::kCoarse; // the fine one counts memory accesses, which a switch adds to
  return sim::run_case(property, c, sim::Tracing::kOn).trace;
}

} // namespace

// The switch is all there is of it in the common paths: what it leaves unchanged when it is on, it cannot
// change when it is off.
TEST_CASE("proxy: where no mutex is waited for it changes nothing", "[P07]") {
  const Storm kind{.yield = 1, .affinity = 1, .pin = 1, .policy = 1, .fork = 1, .mixed_classes = true};
  for (u64 seed = 1; seed <= 20; ++seed) {
    const auto off = trace_of(kind, seed);
    const WithFeature proxy(features.proxy_exec, true);
    CHECK(!off.empty());
    CHECK(same(off, trace_of(kind, seed)));
  }
}

TEST_CASE("proxy: off, nobody executes for another and no level matters", "[P07]") {
  const Storm kind{.policy = 1, .section = 8, .mixed_classes = true};
  for (u64 seed = 1; seed <= 20; ++seed) {
    const auto off = trace_of(kind, seed);
    for (const trace::Event& event : off) REQUIRE(event.type != trace::EventType::kSchedProxy);
    const WithFeature at_level(features.proxy_level, ProxyLevel::kOneCpu);
    CHECK(same(off, trace_of(kind, seed)));
  }
}

TEST_CASE("proxy: a pick that is repeated forgets the callbacks, but for the one of a dying CPU", "[P08]") {
  on("1", [] {
    static u32 ran;
    ran = 0;
    sched::BalanceCallback one, other;
    sched::Rq& rq = sched::this_rq();
    const auto count = [](sched::Rq&) { ++ran; };
    const sched::RqLock guard(rq);
    sched::queue_balance_callback(rq, one, count);
    rq.push_everything.fn = [](sched::Rq&) { ran += 100; };
    sched::queue_balance_callback(rq, rq.push_everything, rq.push_everything.fn);
    sched::queue_balance_callback(rq, other, count);
    sched::zap_balance_callbacks(rq);
    CHECK(rq.balance_callbacks == &rq.push_everything);
    CHECK(rq.push_everything.next == nullptr);
    sched::queue_balance_callback(rq, one, count); // the next pick makes it anew
    sched::run_balance_callbacks(rq);
    CHECK(ran == 101);
    CHECK(rq.balance_callbacks == nullptr);
  });
}

// Spec 4.1: a chain of as many owners as is allowed is carried; one more is refused. It is walked from the
// waiter to the owner at the end, whichever way that one gets to run.
TEST_CASE("pi: a chain of 1024 owners carries, a longer one is refused", "[R14][P02]") {
  for (const bool on_proxy : {false, true}) {
    const WithFeature proxy(features.proxy_exec, on_proxy);
    on("1", [&] {
      direct();
      constexpr u32 kOwners = sched::kMaxLockDepth;
      std::vector<std::unique_ptr<sched::Mutex>> mutexes;
      for (u32 i = 0; i < kOwners + 2; ++i) mutexes.push_back(std::make_unique<sched::Mutex>());
      bool release = false;
      u32 begun = 0;
      u32 refused = 0;
      std::vector<sim::TaskRef> tasks;
      for (u32 i = 0; i < kOwners + 2; ++i) {
        tasks.push_back(sim::spawn({.name = "fair"}, [&, i] {
          REQUIRE(mutexes[i]->lock().has_value());
          ++begun;
          if (i == 0) {
            while (!release) sim::compute(10_us);
          } else if (mutexes[i - 1]->lock().has_value()) {
            mutexes[i - 1]->unlock();
          } else {
            ++refused;
          }
          mutexes[i]->unlock();
        }));
        while (begun <= i) sim::sleep(100_us);
      }
      CHECK(refused == 1);
      const auto hog = sim::spawn(fifo(40, only(0)), [&] { sim::compute(1_ms); });
      release = true;
      // The owner at the end gets past the hog, by what its waiters lend it or in their place.
      const auto urgent = sim::spawn(fifo(50, only(0)), [&] {
        if (mutexes[kOwners - 1]->lock().has_value()) mutexes[kOwners - 1]->unlock();
      });
      sim::sleep(500_us);
      CHECK(time_of(*hog) < Duration{600'000});
      CHECK(mutexes[0]->owner() == nullptr);
      for (const auto& task : tasks) sim::join(task);
      join_all({urgent, hog});
    });
  }
}
