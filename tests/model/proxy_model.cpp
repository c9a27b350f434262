// SPDX-License-Identifier: Apache-2.0
#include "tests/model/proxy_model.hpp"

#include <algorithm>

namespace runnel::model::proxy {
namespace {

/// The steps of one state. Each method works on a copy and hands it over.
class Steps {
 public:
  Steps(const Setup& setup, const State& state, const std::function<void(Next)>& take)
      : setup_(setup), s_(state), take_(take) {}

  void walk(std::uint8_t c) { of_cpu(c); }

  void all() {
    for (std::uint8_t c = 0; c < kCpus; ++c) of_cpu(c);
    for (std::uint8_t t = 0; t < kTasks; ++t) { // what a sleeper waits for may come at any time
      const Task& task = s_.tasks[t];
      if (setup_.movers) move(t);
      if (!task.sleeping || task.step == 0) continue;
      if (op_of(task, t).kind == Op::kSleep) wake(s_, t, "timer", [](Next&) {});
      if (op_of(task, t).kind == Op::kLock && setup_.signals) wake(s_, t, "signal", [](Next&) {});
    }
  }

 private:
  const Op& op_of(const Task& task, int t) const { return setup_.programs[t][task.op]; }
  bool has(Mutation mutation) const { return setup_.mutation == mutation; }

  bool on_cpu(const State& s, int t) const {
    return std::ranges::any_of(s.cpus, [&](const Cpu& cpu) { return cpu.curr == t; });
  }
  /// Nobody holds this rq lock. A CPU lets its own go before it runs anything else.
  bool rq_free(const State& s, int c) const {
    const Phase phase = s.cpus[c].phase;
    return has(Mutation::kWalkWithoutLock) || phase < Phase::kPick || phase > Phase::kOwner;
  }
  bool wait_lock_free(const State& s, int m) const {
    return std::ranges::none_of(s.cpus,
                                [&](const Cpu& cpu) { return cpu.phase == Phase::kOwner && cpu.mutex == m; });
  }
  void give(Next next) {
    for (std::uint8_t c = 0; c < kCpus; ++c) {
      const Phase phase = next.state.cpus[c].phase;
      if (phase != Phase::kPick && phase != Phase::kElement) continue;
      const std::function<void(Next)> go_on = [&](Next last) {
        last.what = next.what + "; " + last.what;
        last.rows |= next.rows;
        take_(std::move(last));
      };
      return Steps(setup_, next.state, go_on).walk(c);
    }
    take_(std::move(next));
  }
  static std::string name(int t) { return t == kNobody ? "idle" : "T" + std::to_string(t); }
  static std::string at(int c, const std::string& what) { return "cpu" + std::to_string(c) + ": " + what; }

  void of_cpu(std::uint8_t c) {
    const Cpu& cpu = s_.cpus[c];
    switch (cpu.phase) {
    case Phase::kRuns:
      if (cpu.curr != kNobody) execute(c);
      // The tick may preempt a task at any time; the idle thread has to be told.
      if (cpu.curr != kNobody || cpu.need_resched) schedule(c, "preempted", false);
      return;
    case Phase::kPick:
      return pick(c);
    case Phase::kElement:
      return element(c);
    case Phase::kLocked:
      return locked(c);
    case Phase::kOwner:
      return owner(c);
    case Phase::kReturn:
      return come_home(c);
    case Phase::kAttach:
      return attach(c);
    }
  }

  // --- the tasks' own code
  // ---------------------------------------------------------------------------------------

  void execute(std::uint8_t c) {
    const std::uint8_t t = s_.cpus[c].curr;
    const Op& op = op_of(s_.tasks[t], t);
    switch (op.kind) {
    case Op::kLock:
      return lock(c, t, op.mutex);
    case Op::kUnlock:
      return unlock(t, op.mutex);
    case Op::kSleep:
      return sleep(c, t);
    }
  }

  void done_with_op(Next& next, std::uint8_t t) const {
    Task& task = next.state.tasks[t];
    task.step = 0;
    task.op = static_cast<std::uint8_t>(task.op + 1);
    if (task.op == setup_.programs[t].size()) task.op = 0, next.finished = t;
  }

  void lock(std::uint8_t c, std::uint8_t t, std::uint8_t m) {
    Next next{s_, name(t) + " lock " + std::to_string(m)};
    Task& task = next.state.tasks[t];
    Mutex& mutex = next.state.mutexes[m];
    if (task.step == 1) return schedule(c, "blocks", true);
    if (task.step == 0 && mutex.owner == kNobody) { // fast path
      mutex.owner = t;
      done_with_op(next, t);
      return give(next);
    }
    if (!wait_lock_free(s_, m)) return;
    if (task.step == 0) *std::ranges::find(mutex.waiters, kNobody) = t;
    if (mutex.owner == kNobody || mutex.owner == t) { // free, or handed over
      mutex.owner = t;
      *std::ranges::remove(mutex.waiters, t).begin() = kNobody;
      task.blocked_on = kNull;
      task.sleeping = false;
      done_with_op(next, t);
      next.what += " obtained";
    } else {
      task.blocked_on = m;
      task.sleeping = true;
      task.step = 1;
      next.what += " waits";
    }
    give(next);
  }

  void unlock(std::uint8_t t, std::uint8_t m) {
    Next next{s_, name(t) + " unlock " + std::to_string(m)};
    Task& task = next.state.tasks[t];
    Mutex& mutex = next.state.mutexes[m];
    if (task.step == 0) {
      mutex.owner = kNobody;
      if (mutex.waiters[0] == kNobody) {
        done_with_op(next, t);
        return give(next);
      }
      task.step = 1;
      give(next);
      mutex.owner = mutex.waiters[0];
      next.what += " hands over";
      return give(next);
    }
    if (task.step == 1) {
      if (!wait_lock_free(s_, m)) return;
      if (mutex.waiters[0] == kNobody) {
        done_with_op(next, t);
        return give(next);
      }
      task.to_wake = mutex.waiters[0];
      Task& waiter = next.state.tasks[task.to_wake];
      if (waiter.blocked_on != kNull) waiter.blocked_on = kWaking;
      task.step = 2;
      next.what += " marks " + name(task.to_wake);
      return give(next);
    }
    wake(s_, task.to_wake, name(t), [&](Next& woken) {
      woken.state.tasks[t].to_wake = kNobody;
      done_with_op(woken, t);
    });
  }

  void sleep(std::uint8_t c, std::uint8_t t) {
    Next next{s_, name(t) + " sleep"};
    Task& task = next.state.tasks[t];
    if (task.step == 1) return schedule(c, "sleeps", true);
    if (task.step == 0) {
      task.sleeping = true;
      task.step = 1;
    } else {
      done_with_op(next, t);
    }
    give(next);
  }

  /// try_to_wake_up; no step while it would have to wait.
  void wake(const State& from, std::uint8_t t, const std::string& who,
            const std::function<void(Next&)>& and_then) {
    Next next{from, who + " wakes " + name(t)};
    Task& task = next.state.tasks[t];
    if (!task.sleeping) {
      and_then(next);
      return give(next);
    }
    if (task.on_rq == OnRq::kMigrating) return;
    if (task.on_rq == OnRq::kQueued) {
      if (!rq_free(from, task.cpu)) return;
      task.sleeping = false;
      and_then(next);
      return give(next);
    }
    if (on_cpu(from, t) && !has(Mutation::kWakeWhileOnCpu)) return; // B4
    for (std::uint8_t c = 0; c < kCpus; ++c) {
      if ((setup_.allowed[t] >> c & 1) == 0 || !rq_free(from, c)) continue;
      Next placed = next;
      placed.state.tasks[t].sleeping = false;
      enqueue(placed.state, t, c);
      placed.what += " on cpu" + std::to_string(c);
      and_then(placed);
      give(placed);
    }
  }

  /// Under both rq locks, as move_queued_task does it.
  void move(std::uint8_t t) {
    const Task& task = s_.tasks[t];
    const bool donor = std::ranges::any_of(s_.cpus, [&](const Cpu& cpu) { return cpu.donor == t; });
    if (task.on_rq != OnRq::kQueued || donor || on_cpu(s_, t) || !rq_free(s_, 0) || !rq_free(s_, 1)) return;
    const auto to = static_cast<std::uint8_t>(1 - task.cpu);
    if ((setup_.allowed[t] >> to & 1) == 0) return;
    Next next{s_, name(t) + " is moved to cpu" + std::to_string(to)};
    enqueue(next.state, t, to);
    give(next);
  }

  void enqueue(State& s, std::uint8_t t, std::uint8_t c) const {
    s.tasks[t].cpu = c;
    s.tasks[t].on_rq = OnRq::kQueued;
    if (s.cpus[c].curr == kNobody && !has(Mutation::kAttachWithoutResched)) s.cpus[c].need_resched = true;
  }

  // --- schedule()
  // ------------------------------------------------------------------------------------------------

  void schedule(std::uint8_t c, const std::string& why, bool voluntary) {
    Next next{s_, at(c, name(s_.cpus[c].curr) + " " + why)};
    Cpu& cpu = next.state.cpus[c];
    cpu.phase = Phase::kPick;
    if (voluntary) {
      Task& prev = next.state.tasks[cpu.curr];
      prev.step = 2;
      if (prev.sleeping && prev.blocked_on == kNull)
        prev.on_rq = OnRq::kNo; // else it stays queued as a donor
    }
    give(next);
  }

  void pick(std::uint8_t c) {
    bool any = false;
    for (std::uint8_t t = 0; t < kTasks; ++t) {
      if (s_.tasks[t].on_rq != OnRq::kQueued || s_.tasks[t].cpu != c) continue;
      any = true;
      Next next{s_, at(c, "picks " + name(t))};
      Cpu& cpu = next.state.cpus[c];
      cpu.picked = cpu.element = t;
      cpu.curr_in_chain = false;
      cpu.phase = Phase::kElement;
      give(next);
    }
    if (!any) {
      Next next{s_, at(c, "idles")};
      switch_to(next.state.cpus[c], kNobody, kNobody, false);
      give(next);
    }
  }

  static void switch_to(Cpu& cpu, std::uint8_t curr, std::uint8_t donor, bool need_resched) {
    cpu = Cpu{};
    cpu.curr = curr;
    cpu.donor = donor;
    cpu.need_resched = need_resched;
  }

  Next by_row(std::uint8_t c, Row row) const {
    Next next{s_, at(c, name(s_.cpus[c].element) + ": " + name_of(row))};
    next.rows = 1u << static_cast<unsigned>(row);
    return next;
  }

  void run_element(std::uint8_t c, Row row) {
    Next next = by_row(c, row);
    Cpu& cpu = next.state.cpus[c];
    next.state.tasks[cpu.element].blocked_on = kNull;
    switch_to(cpu, cpu.element, cpu.picked, false);
    give(next);
  }

  void idle_once(std::uint8_t c, Row row) {
    Next next = by_row(c, row);
    switch_to(next.state.cpus[c], kNobody, kNobody, !has(Mutation::kIdleForgetsResched));
    give(next);
  }

  void pick_again(Next next, std::uint8_t c) {
    next.state.cpus[c].phase = Phase::kPick;
    give(std::move(next));
  }

  /// Before the rq lock is dropped nothing may point at a task that others may then take.
  void drop_lock(Cpu& cpu, Phase phase) const {
    if (!has(Mutation::kDonorKeptWhileUnlocked)) cpu.donor = kNobody;
    cpu.phase = phase;
  }

  void return_home(std::uint8_t c, Row row, std::uint8_t t) {
    if (setup_.level == Level::kOneCpu) return run_element(c, row); // it never left
    Next next = by_row(c, row);
    next.state.cpus[c].element = t;
    drop_lock(next.state.cpus[c], Phase::kReturn);
    give(next);
  }

  void element(std::uint8_t c) {
    Next next{s_, at(c, "looks at " + name(s_.cpus[c].element))};
    Cpu& cpu = next.state.cpus[c];
    const bool here = cpu.element == cpu.curr;
    cpu.curr_in_chain |= here;
    const std::uint8_t blocked_on = s_.tasks[cpu.element].blocked_on;
    if (blocked_on == kNull) return run_element(c, Row::kRuns);
    if (blocked_on == kWaking) {
      if (here || has(Mutation::kWakingRunsHere))
        return run_element(c, here ? Row::kWakingHere : Row::kWakingElsewhere);
      return return_home(c, Row::kWakingElsewhere, cpu.element);
    }
    cpu.mutex = blocked_on;
    cpu.phase = Phase::kLocked;
    give(next);
  }

  void locked(std::uint8_t c) {
    const Cpu& cpu = s_.cpus[c];
    if (!wait_lock_free(s_, cpu.mutex)) return;
    if (s_.tasks[cpu.element].blocked_on != cpu.mutex && !has(Mutation::kBlockedOnNotLookedAgain))
      return pick_again(by_row(c, Row::kChanged), c);
    const std::uint8_t owner = s_.mutexes[cpu.mutex].owner;
    if (owner == kNobody) {
      if (cpu.element == cpu.curr) return run_element(c, Row::kNoOwnerHere);
      if (has(Mutation::kFreeMutexRunsHere)) return run_element(c, Row::kNoOwnerElsewhere);
      return return_home(c, Row::kNoOwnerElsewhere, cpu.element);
    }
    if (s_.tasks[owner].on_rq == OnRq::kNo) return block_donor(c);
    Next next{s_, at(c, name(cpu.element) + " waits for " + name(owner))};
    next.state.cpus[c].owner = owner;
    next.state.cpus[c].phase = Phase::kOwner;
    give(next);
  }

  void block_donor(std::uint8_t c) {
    const Cpu& cpu = s_.cpus[c];
    if (cpu.curr_in_chain && !has(Mutation::kBlockCurr)) return idle_once(c, Row::kOwnerOffAndCurrInChain);
    if (!s_.tasks[cpu.picked].sleeping && !has(Mutation::kBlockAwakeDonor))
      return return_home(c, Row::kOwnerOffDonorAwake, cpu.picked);
    Next next = by_row(c, Row::kOwnerOffDonorBlocks);
    next.state.tasks[cpu.picked].on_rq = OnRq::kNo;
    if (next.state.cpus[c].donor == cpu.picked) next.state.cpus[c].donor = kNobody;
    pick_again(std::move(next), c);
  }

  void owner(std::uint8_t c) {
    const Cpu& cpu = s_.cpus[c];
    const Task& owner = s_.tasks[cpu.owner];
    if (owner.cpu != c) {
      if (cpu.curr_in_chain && !has(Mutation::kMoveCurr))
        return idle_once(c, Row::kOwnerRemoteAndCurrInChain);
      if (setup_.level == Level::kOneCpu) return block_donor(c);
      Next next = by_row(c, Row::kOwnerRemoteMove);
      next.state.tasks[cpu.element].on_rq = OnRq::kMigrating;
      next.state.tasks[cpu.element].cpu = owner.cpu;
      next.state.cpus[c].target = owner.cpu;
      drop_lock(next.state.cpus[c], Phase::kAttach);
      return give(next);
    }
    if (owner.on_rq == OnRq::kMigrating && !has(Mutation::kRunMigratingOwner))
      return idle_once(c, Row::kOwnerMigrating);
    if (owner.on_rq == OnRq::kNo) return pick_again(by_row(c, Row::kOwnerMoved), c);
    if (cpu.owner == cpu.element && !has(Mutation::kOwnerIsElementIgnored))
      return idle_once(c, Row::kOwnerIsElement);
    Next next = by_row(c, Row::kNextElement);
    next.state.cpus[c].element = cpu.owner;
    next.state.cpus[c].phase = Phase::kElement;
    give(next);
  }

  void come_home(std::uint8_t c) {
    const std::uint8_t t = s_.cpus[c].element;
    const Task& task = s_.tasks[t];
    if (!rq_free(s_, task.cpu) || task.on_rq == OnRq::kMigrating) return; // task_rq_lock waits
    const bool still = task.cpu == c && task.on_rq == OnRq::kQueued && !on_cpu(s_, t);
    if (!still && !has(Mutation::kReturnNotLookedAgain))
      return pick_again({s_, at(c, name(t) + " is no longer to be returned")}, c);
    for (std::uint8_t to = 0; to < kCpus; ++to) {
      if ((setup_.allowed[t] >> to & 1) == 0) continue;
      Next next{s_, at(c, "returns " + name(t) + " to cpu" + std::to_string(to))};
      Task& moved = next.state.tasks[t];
      moved.on_rq = OnRq::kMigrating;
      moved.cpu = to;
      moved.blocked_on = kNull;
      next.state.cpus[c].target = to;
      next.state.cpus[c].phase = Phase::kAttach;
      give(next);
    }
  }

  void attach(std::uint8_t c) {
    const Cpu& cpu = s_.cpus[c];
    if (cpu.target != c && !rq_free(s_, cpu.target)) return;
    Next next{s_, at(c, "attaches " + name(cpu.element) + " to cpu" + std::to_string(cpu.target))};
    if (!has(Mutation::kForgetAttach)) enqueue(next.state, cpu.element, cpu.target);
    pick_again(std::move(next), c);
  }

  const Setup& setup_;
  const State& s_;
  const std::function<void(Next)>& take_;
};

} // namespace

State first_state(const Setup& setup) {
  State s;
  for (int t = 0; t < kTasks; ++t)
    s.tasks[t].cpu = static_cast<std::uint8_t>((setup.allowed[t] & 1) != 0 ? 0 : 1);
  return s;
}

void steps(const Setup& setup, const State& state, const std::function<void(Next)>& take) {
  Steps(setup, state, take).all();
}

std::string bad(const Setup& setup, const State& s) {
  const auto name = [](int t) { return "T" + std::to_string(t); };
  for (int c = 0; c < kCpus; ++c) {
    const Cpu& cpu = s.cpus[c];
    const std::string here = " on cpu" + std::to_string(c);
    if (cpu.curr != kNobody) {
      const Task& curr = s.tasks[cpu.curr];
      if (s.cpus[1 - c].curr == cpu.curr) return name(cpu.curr) + " executes on two CPUs";
      if (curr.cpu != c) return name(cpu.curr) + " was moved away while it executes" + here;
      if (cpu.phase == Phase::kRuns && curr.on_rq != OnRq::kQueued)
        return name(cpu.curr) + " executes unqueued" + here;
      if ((setup.allowed[cpu.curr] >> c & 1) == 0)
        return name(cpu.curr) + " executes where it must not" + here;
    }
    // Under the lock the last donor may be about to leave, but only this CPU may have it.
    const bool walks = cpu.phase == Phase::kLocked || cpu.phase == Phase::kOwner;
    if (cpu.donor != kNobody && !(walks && cpu.donor == cpu.curr)) {
      const Task& donor = s.tasks[cpu.donor];
      if (donor.cpu != c || donor.on_rq != OnRq::kQueued) return "rq.donor is not queued" + here;
    }
    if (!walks) continue;
    const Task& element = s.tasks[cpu.element];
    if (element.on_rq != OnRq::kQueued || element.cpu != c)
      return "the walk is at a task that is not queued" + here;
    if (cpu.phase == Phase::kOwner && element.blocked_on != cpu.mutex)
      return "the walk holds a mutex that its element does not wait for" + here;
  }
  for (int t = 0; t < kTasks; ++t) {
    const Task& task = s.tasks[t];
    if (task.on_rq == OnRq::kNo && !task.sleeping) return name(t) + " is runnable and on no queue";
  }
  return {};
}

const char* name_of(Row row) {
  static constexpr const char* kNames[] = {
      "not blocked: executes",
      "WAKING and executing here: runs",
      "WAKING: returned",
      "blocked_on changed: pick again",
      "mutex free, executing here: runs",
      "mutex free: returned",
      "owner asleep, executing task in the chain: idle once",
      "owner asleep: donor blocks",
      "owner asleep, donor awake: returned",
      "owner on another CPU, executing task in the chain: idle once",
      "owner on another CPU: moved there",
      "owner on its way here: idle once",
      "owner moved in between: pick again",
      "owner is the waiter: idle once",
      "next element",
  };
  return kNames[static_cast<int>(row)];
}

const char* name_of(Mutation mutation) {
  static constexpr const char* kNames[] = {
      "none",
      "a task marked WAKING runs where it is",
      "a task whose mutex is free runs where it is",
      "the chain is moved with the executing task in it",
      "the donor blocks with the executing task in the chain",
      "idle once forgets need_resched",
      "rq.donor is kept while the lock is dropped",
      "owner == p is one more element",
      "blocked_on is not looked at again",
      "an owner on its way here is taken for queued",
      "return migration does not look again",
      "a woken donor blocks",
      "an idle CPU is not told of a task",
      "the waker does not wait for on_cpu",
      "the walk does not hold the rq lock",
      "a moved task is not queued again",
  };
  return kNames[static_cast<int>(mutation)];
}

} // namespace runnel::model::proxy
