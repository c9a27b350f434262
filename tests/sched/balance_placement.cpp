// SPDX-License-Identifier: Apache-2.0
// Where fair tasks wake up and start (spec 3.12): idle search (F32), queues of SCHED_IDLE tasks (F33), new
// tasks.
#include "sched/balance/idle_search.hpp"
#include "sched/sim/machine.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <set>

using namespace runnel;

namespace {

sim::Config machine(const char* shape, u64 seed = 1) {
  sim::Config config;
  config.shape = *sim::parse_shape(shape);
  config.seed = seed;
  return config;
}

/// A task that computes until it is told to stop; on `cpu` only.
sim::TaskRef hog(u32 cpu, const bool& stop, sched::Policy policy = sched::Policy::kNormal) {
  return sim::spawn({.name = "hog", .cpus = CpuMask::of(CpuId{cpu}), .policy = policy}, [&stop] {
    while (!stop) sim::compute(1_ms);
  });
}

/// What the search answers for `p` now, with nothing else going on.
u32 search(sim::Task& p, u32 prev, u32 target) {
  const sched::port::IrqLockGuard pi(p.pi_lock);
  p.recent_cpu = prev; // no third candidate
  return sched::select_idle_cpu(p, CpuId{prev}, CpuId{target}).value;
}

sched::LlcShared& record_of(u32 cpu) { return *sched::cpu_domains(CpuId{cpu}).llc->shared; }

/// A sleeping task to search a CPU for.
struct Sleeper {
  bool over = false;
  sim::TaskRef task = sim::spawn({.name = "sleeper"}, [this] { sim::wait_until([this] { return over; }); });
  ~Sleeper() {
    over = true;
    sim::wake(*task);
    sim::join(task);
  }
};

} // namespace

TEST_CASE("balance: the idle search finds an idle CPU of the cache when the hint allows", "[balance][F32]") {
  for (u64 seed = 1; seed <= 20; ++seed) {
    const char* shape = seed % 2 == 0 ? "2x8" : "1x16/8"; // two caches of 8 CPUs
    sim::run(machine(shape, seed), [] {
      Sleeper sleeper;
      sim::sleep(1_ms);
      bool stop = false;
      std::vector<sim::TaskRef> hogs;
      std::set<u32> idle;
      // This task needs a CPU too; it stays on the last one, outside of the cache that is searched.
      REQUIRE(sim::set_affinity(sim::self(), CpuMask::of(CpuId{15})));
      for (u32 cpu = 0; cpu < 8; ++cpu)
        if (sim::machine->rng().below(3) != 0)
          hogs.push_back(hog(cpu, stop));
        else
          idle.insert(cpu);
      sim::sleep(10_ms);
      for (u32 target = 0; target < 8; ++target)
        for (u32 hint = 0; hint <= 8; ++hint) {
          const sched::port::IrqGuard nothing_else;
          record_of(0).nr_idle_scan.store(hint);
          std::set<u32> seen; // what the hint lets it see: from the next CPU on, around
          for (u32 i = 1; i <= hint; ++i) seen.insert((target + i) % 8);
          bool expected = idle.contains(target);
          for (const u32 cpu : idle) expected = expected || seen.contains(cpu);
          const u32 found = search(*sleeper.task, target, target);
          CAPTURE(target, hint, found);
          if (expected)
            CHECK(idle.contains(found));
          else
            CHECK(found == target);
        }
      stop = true;
      for (const sim::TaskRef& task : hogs) sim::join(task);
    });
  }
}

TEST_CASE(
    "balance: the idle search prefers target, then prev, then the last but one, and never leaves the cache",
    "[balance][F32]") {
  sim::run(machine("2x4"), [] {
    Sleeper sleeper;
    sim::sleep(1_ms);
    REQUIRE(sim::set_affinity(sim::self(), CpuMask::of(CpuId{7})));
    const sched::port::IrqGuard nothing_else;
    record_of(0).nr_idle_scan.store(0);
    CHECK(search(*sleeper.task, 2, 1) == 1);
    sim::Task& p = *sleeper.task;
    p.recent_cpu = 6;
    {
      const sched::port::IrqLockGuard pi(p.pi_lock);
      CHECK(sched::select_idle_cpu(p, CpuId{6}, CpuId{7}).value == 6); // 7 runs this very task
      p.recent_cpu = 5;
      p.cpus_mask.clear(CpuId{6});
      CHECK(sched::select_idle_cpu(p, CpuId{6}, CpuId{7}).value == 5); // 6 is not allowed, 5 was used before
      CHECK(p.recent_cpu == 6);
      CHECK(sched::select_idle_cpu(p, CpuId{1}, CpuId{7}).value != 1); // idle, but under the other cache
    }
  });
}

TEST_CASE("balance: with threads, a core that is idle as a whole is found; a wrong hint is taken back",
          "[balance][F32]") {
  sim::run(machine("1x4x2"), [] { // cores {0,1} {2,3} {4,5} {6,7}
    Sleeper sleeper;
    sim::sleep(1_ms);
    REQUIRE(sim::set_affinity(sim::self(), CpuMask::of(CpuId{7})));
    bool stop = false;
    std::vector<sim::TaskRef> hogs;
    for (const u32 cpu : {0u, 2u}) hogs.push_back(hog(cpu, stop));
    sim::sleep(10_ms);
    {
      const sched::port::IrqGuard nothing_else;
      record_of(0).nr_idle_scan.store(8);
      record_of(0).has_idle_cores.store(1);
      const u32 found = search(*sleeper.task, 0, 0);
      CHECK((found == 4 || found == 5));
    }
    hogs.push_back(hog(4, stop));
    sim::sleep(10_ms);
    {
      const sched::port::IrqGuard nothing_else;
      record_of(0).has_idle_cores.store(1);
      const u32 found = search(*sleeper.task, 0, 0);
      CHECK((found == 1 || found == 3 || found == 5 || found == 6));
      CHECK(record_of(0).has_idle_cores.load() == 0);
      CHECK(search(*sleeper.task, 2, 2) == 3); // no idle core: an idle sibling of prev
    }
    stop = true;
    for (const sim::TaskRef& task : hogs) sim::join(task);
  });
}

TEST_CASE("balance: a CPU with SCHED_IDLE tasks only is free for a normal task, not for one of its kind",
          "[balance][F33]") {
  sim::run(machine("1x4"), [] {
    Sleeper sleeper;
    sim::sleep(1_ms);
    REQUIRE(sim::set_affinity(sim::self(), CpuMask::of(CpuId{3})));
    bool stop = false;
    std::vector<sim::TaskRef> hogs;
    hogs.push_back(hog(0, stop));
    hogs.push_back(hog(1, stop, sched::Policy::kIdle));
    hogs.push_back(hog(1, stop, sched::Policy::kIdle));
    hogs.push_back(hog(2, stop));
    sim::sleep(10_ms);
    sim::Task& p = *sleeper.task;
    {
      const sched::port::IrqGuard nothing_else;
      record_of(0).nr_idle_scan.store(4);
      for (u32 target = 0; target < 3; ++target) CHECK(search(p, target, target) == 1);
      p.policy = sched::Policy::kIdle;
      for (u32 target = 0; target < 3; ++target) CHECK(search(p, target, target) == target);
      CHECK(sched::is_free_for(p, CpuId{3}) == false);
      p.policy = sched::Policy::kNormal;
    }
    stop = true;
    for (const sim::TaskRef& task : hogs) sim::join(task);
  });
}

TEST_CASE("balance: as many new tasks as CPUs get one each, whole cores and nodes first", "[balance][F32]") {
  const char* shape = GENERATE("1x4", "2x4x2", "n2:2x4", "n4:4x4x2", "1x8x2/4");
  sim::run(machine(shape), [] {
    const sim::Shape& s = sim::machine->config().shape;
    bool stop = false;
    std::vector<sim::TaskRef> tasks;
    std::map<u32, u32> on_core, on_cpu;
    const u32 cores = s.sockets * s.cores;
    for (u32 i = 0; i + 1 < s.cpus(); ++i) { // this task occupies one as well
      tasks.push_back(sim::spawn({.name = "new"}, [&stop] {
        while (!stop) sim::compute(1_ms);
      }));
      if (i + 2 == cores) {
        for (const sim::TaskRef& task : tasks) ++on_core[s.core_of(task->task_cpu())];
        ++on_core[s.core_of(sim::cpu())];
      }
    }
    for (const sim::TaskRef& task : tasks) ++on_cpu[task->task_cpu().value];
    ++on_cpu[sim::cpu().value];
    CAPTURE(sim::to_string(s));
    CHECK(on_core.size() == cores);
    CHECK(on_cpu.size() == s.cpus());
    stop = true;
    for (const sim::TaskRef& task : tasks) sim::join(task);
  });
}
