// SPDX-License-Identifier: Apache-2.0
#include "tests/sched/storm.hpp"

#include "sched/sim/hotplug.hpp"

#include <catch2/catch.hpp>
#include <sched/attr.hpp>
#include <sched/migrate_disable.hpp>
#include <sched/mutex.hpp>
#include <sched/sched_class.hpp>

namespace runnel {
namespace {

using sim::Rng;

struct Member;

/// What the members of one storm share.
struct Weather {
  const Storm& storm;
  const sim::Case& c;
  std::array<sched::Mutex, 4> mutexes{};
  u32 running = 0; // members that are not finished
  std::vector<std::unique_ptr<Member>> members;
  bool begun = false;
  u64 forked = 0;
  u64 fork_exits = 0;
  Instant end{}; // nobody is finished before
};

CpuMask random_cpus(Rng& rng) {
  const u32 n = sim::machine->nr_cpus();
  CpuMask mask;
  mask.set(CpuId{static_cast<u32>(rng.below(n))});
  while (rng.one_in(2)) mask.set(CpuId{static_cast<u32>(rng.below(n))});
  return rng.one_in(4) ? CpuMask::first(n) : mask;
}

enum class Deadline { kNever, kToo };

sched::SchedAttr random_attr(Rng& rng, Deadline deadline) {
  sched::SchedAttr attr;
  if (deadline == Deadline::kToo && rng.one_in(3)) {
    attr.policy = static_cast<u32>(sched::Policy::kDeadline);
    attr.runtime = rng.log_between(200'000, 2'000'000);
    attr.deadline = attr.period = attr.runtime * rng.between(8, 20);
    return attr;
  }
  if (rng.one_in(2)) {
    attr.policy = static_cast<u32>(rng.one_in(2) ? sched::Policy::kFifo : sched::Policy::kRr);
    attr.priority = static_cast<u32>(rng.between(1, 99));
    return attr;
  }
  constexpr sched::Policy kFair[] = {sched::Policy::kNormal, sched::Policy::kBatch, sched::Policy::kIdle};
  attr.policy = static_cast<u32>(kFair[rng.below(3)]);
  attr.nice = static_cast<i32>(rng.between(0, 39)) - 20;
  if (rng.one_in(4)) attr.runtime = rng.log_between(100'000, 100'000'000);
  return attr;
}

sched::SchedAttr random_deadline(Rng& rng) {
  sched::SchedAttr attr;
  attr.policy = static_cast<u32>(sched::Policy::kDeadline);
  attr.period = rng.log_between(200'000, 20'000'000);
  attr.deadline = rng.one_in(2) ? attr.period : attr.period * rng.between(50, 100) / 100;
  attr.runtime = attr.deadline * rng.between(5, 60) / 100;
  attr.flags = sched::kSchedFlagResetOnFork; // else it could not fork
  if (rng.one_in(3)) attr.flags |= sched::kSchedFlagReclaim;
  return attr;
}

/// One task of the storm.
struct Member {
  Weather& weather;
  Rng rng;
  sim::TaskRef task;
  // A post says "one more", a wait takes one. Both sides are plain: what keeps them together is rule B1.
  u64 posted = 0;
  u64 taken = 0;
  u64 must_take = 0;
  bool finished = false; // nobody promises it a post any more

  void run() {
    for (u32 i = 0; i < weather.c.rounds || sim::now().is_before(weather.end); ++i) act();
    while (taken < must_take) take();
    finished = true;
    --weather.running;
    // All its locks are given back: nothing may be left of what was lent.
    if (!has_only_its_own(sim::self())) sim::machine->fail("R14", "something that was lent is left over");
  }

  /// A post is promised to another member: it is made in any case, so nobody waits in vain.
  void post() {
    Member& other = *weather.members[rng.below(weather.members.size())];
    if (other.finished || &other == this) return;
    ++other.must_take;
    if (rng.one_in(2)) work();
    ++other.posted;
    sim::wake(*other.task);
  }

  void take() {
    sim::wait_until([this] { return posted > taken; });
    ++taken;
  }

  void work() { sim::compute(Duration{static_cast<i64>(rng.log_between(100, 3'000'000))}); }

  sim::Task& anybody() {
    Member& other = *weather.members[rng.below(weather.members.size())];
    return rng.one_in(3) || other.finished ? sim::self() : *other.task;
  }

  void pinned() {
    mark(3, 0);
    const sched::MigrateDisableGuard stay;
    const CpuId here = sim::cpu();
    for (u64 i = rng.between(1, 3); i != 0; --i) {
      rng.one_in(2) ? work() : sim::sleep(Duration{static_cast<i64>(rng.log_between(1'000, 1'000'000))});
      if (sim::cpu() != here) sim::machine->fail("C18", "a task moved inside migrate_disable");
    }
  }

  void fork() {
    ++weather.forked;
    const sim::TaskRef child = sim::spawn(
        {.name = "child", .inherit = sim::Inherit::kYes}, [&w = weather, r = rng.fork()]() mutable {
          sim::compute(Duration{static_cast<i64>(r.log_between(100, 1'000'000))});
          if (r.one_in(2)) sim::sleep(Duration{static_cast<i64>(r.log_between(100, 1'000'000))});
          ++w.fork_exits;
        });
    if (rng.one_in(2)) sim::join(child);
  }

  void call_stopper() {
    const CpuId cpu{static_cast<u32>(rng.below(sim::machine->nr_cpus()))};
    const CpuId other{static_cast<u32>(rng.below(sim::machine->nr_cpus()))};
    u32 ran_on = sim::kNoCpu;
    bool ran = false;
    const auto note = [](void* p) { *static_cast<u32*>(p) = sim::cpu().value; };
    if (other != cpu && rng.one_in(2))
      ran = sched::stop_two_cpus(cpu, other, note, &ran_on);
    else
      ran = sched::stop_one_cpu(cpu, note, &ran_on);
    if (!ran && !weather.storm.hotplug) sim::machine->fail("C21", "a stopper call was refused");
    if (ran_on != (ran ? cpu.value : sim::kNoCpu))
      sim::machine->fail("C21", "a stopper call did not run on its CPU");
  }

  void hold(u32 which, auto&& inside) {
    sched::Mutex& mutex = weather.mutexes[which];
    if (!mutex.lock()) return; // it would have been a deadlock: nothing has changed
    if (mutex.owner() != &sim::self()) sim::machine->fail("mutex", "who locked it does not own it");
    inside();
    if (mutex.owner() != &sim::self()) sim::machine->fail("mutex", "it changed hands while it was held");
    mutex.unlock();
  }

  void lock() {
    const u32 first = static_cast<u32>(rng.below(weather.mutexes.size()));
    const u32 second = static_cast<u32>(rng.below(weather.mutexes.size()));
    hold(first, [&] {
      work();
      if (second != first && rng.one_in(2)) hold(second, [&] { work(); });
      if (rng.one_in(4)) sim::sleep(Duration{static_cast<i64>(rng.log_between(100, 1'000'000))});
    });
  }

  /// A deadlock is impossible here, so none may be seen.
  void section() {
    auto& mutexes = weather.mutexes;
    std::vector<u32> held;
    for (u64 k = rng.below(mutexes.size()); k < mutexes.size(); k += rng.between(1, 3)) {
      if (!mutexes[k].lock()) sim::machine->fail("R14", "a deadlock is seen where none is");
      if (mutexes[k].owner() != &sim::self()) sim::machine->fail("mutex", "who locked it does not own it");
      held.push_back(static_cast<u32>(k));
      sim::compute(Duration{static_cast<i64>(rng.log_between(100, 300'000))});
      if (rng.one_in(4)) disturb();
    }
    while (!held.empty()) {
      const usize at = rng.below(held.size());
      sched::Mutex& mutex = mutexes[held[at]];
      if (mutex.owner() != &sim::self()) sim::machine->fail("mutex", "it changed hands while it was held");
      mutex.unlock();
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }

  /// With mutexes held: what changes who waits for whom, where and how urgently.
  void disturb() {
    switch (rng.below(4)) {
    case 0:
      return sim::sleep(Duration{static_cast<i64>(rng.log_between(100, 300'000))});
    case 1:
      if (weather.storm.affinity != 0) static_cast<void>(sim::set_affinity(anybody(), random_cpus(rng)));
      return;
    case 2:
      if (weather.storm.policy != 0) static_cast<void>(sched::sched_setattr(anybody(), random()));
      return;
    default:
      static_cast<void>(sched::yield());
    }
  }

  sched::SchedAttr random() {
    return random_attr(rng, weather.storm.policy_deadline ? Deadline::kToo : Deadline::kNever);
  }

  void mark(u32 what, u64 detail) {
    if (sched::port::trace_enabled())
      sched::port::trace(trace::EventType::kMark, sim::self().pid, what, detail);
  }

  void act() {
    const Storm& s = weather.storm;
    u64 draw = rng.below(s.compute + s.sleep + s.yield + s.wait + s.affinity + s.pin + s.policy + s.deadline +
                         s.fork + s.stop + s.lock + s.section);
    const auto chosen = [&draw](u32 share) {
      if (draw < share) return true;
      draw -= share;
      return false;
    };
    if (chosen(s.compute)) return work();
    if (chosen(s.sleep)) return sim::sleep(Duration{static_cast<i64>(rng.log_between(100, 5'000'000))});
    if (chosen(s.yield)) {
      if (sched::yield() != 0) sim::machine->fail("C28", "yield did not return 0");
      return;
    }
    if (chosen(s.wait)) {
      post();
      if (taken < must_take) take();
      return;
    }
    if (chosen(s.affinity)) {
      sim::Task& target = anybody();
      const CpuMask mask = random_cpus(rng);
      mark(1, target.pid | mask.bits() << 32);
      static_cast<void>(sim::set_affinity(target, mask));
      return mark(2, target.pid);
    }
    if (chosen(s.pin)) return pinned();
    if (chosen(s.policy)) return static_cast<void>(sched::sched_setattr(anybody(), random()));
    if (chosen(s.deadline)) return static_cast<void>(sched::sched_setattr(anybody(), random_deadline(rng)));
    if (chosen(s.fork)) return fork();
    if (chosen(s.lock)) return lock();
    if (chosen(s.section)) return section();
    call_stopper();
  }
};

/// C22: as long as the storm lasts, from init.
void plug_cpus(const Weather& weather, Rng rng) {
  const u32 n = sim::machine->nr_cpus();
  while (weather.running != 0 && n > 1) {
    const CpuId cpu{static_cast<u32>(rng.between(1, n - 1))};
    if (sim::machine->online().test(cpu)) {
      static_cast<void>(sim::cpu_down(cpu)); // refused when deadline tasks need it
    } else if (!sim::cpu_up(cpu)) {
      sim::machine->fail("C22", "a CPU does not come up");
    }
    sim::sleep(Duration{static_cast<i64>(rng.log_between(1'000, 2'000'000))});
  }
  for (u32 i = 1; i < n; ++i) static_cast<void>(sim::cpu_up(CpuId{i}));
}

} // namespace

bool has_only_its_own(const sched::Task& task) {
  return task.prio == task.normal_prio && !task.pi.lent.lends() && task.pi.donations.empty() &&
         task.pi.waiter == nullptr && !task.dl.is_boosted() &&
         task.sched_class == &sched::class_of(task.policy, task.normal_prio);
}

void run_storm(const Storm& storm, const sim::Case& c) {
  Weather weather{.storm = storm, .c = c, .members = {}};
  weather.end = sim::now() + storm.at_least;
  Rng& rng = sim::machine->rng();
  for (u32 i = 0; i < c.tasks; ++i) weather.members.push_back(std::make_unique<Member>(weather, rng.fork()));
  const usize before = sim::machine->tasks().size();
  for (const auto& member : weather.members) {
    sim::TaskOptions options{.name = "storm"};
    if (storm.mixed_classes && rng.one_in(2)) {
      options.policy = rng.one_in(2) ? sched::Policy::kFifo : sched::Policy::kRr;
      options.rt_priority = static_cast<u32>(rng.between(1, 99));
    } else if (storm.mixed_classes) {
      options.nice = static_cast<i32>(rng.between(0, 39)) - 20;
    }
    // The member begins when all of them exist.
    member->task = sim::spawn(options, [m = member.get(), &weather] {
      sim::wait_until([&weather] { return weather.begun; });
      m->run();
    });
  }
  weather.begun = true;
  weather.running = c.tasks;
  for (const auto& member : weather.members) sim::wake(*member->task);
  if (storm.hotplug) plug_cpus(weather, rng.fork());
  for (const auto& member : weather.members) sim::join(member->task);
  while (weather.fork_exits != weather.forked) sim::sleep(1_ms);
  for (const auto& member : weather.members)
    if (member->posted != member->taken) sim::machine->fail("C01", "posts and takes differ");
  weather.members.clear(); // the last references
  // The dead have left their CPUs for good once these have switched a last time.
  for (u32 i = 0; i < 1000 && sim::machine->tasks().size() != before; ++i) sim::sleep(1_ms);
  if (sim::machine->tasks().size() != before)
    sim::machine->fail("C29", "tasks are left over: a reference leaks");
}

void require_property(sim::Property property) {
  property.name = Catch::getResultCapture().getCurrentTestName();
  const std::optional<sim::Finding> finding = sim::check_property(property);
  if (finding) FAIL(finding->text);
  SUCCEED();
}

} // namespace runnel
