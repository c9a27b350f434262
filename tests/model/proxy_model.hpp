// SPDX-License-Identifier: Apache-2.0
// Proxy execution (spec 6) as a machine of three tasks, two CPUs and two mutexes: every step another CPU
// could see is a step of its own, and all orders of steps are searched (proxy_search.hpp).
//
// What is one step: whatever nobody can see half done. The walk along a chain holds its CPU's rq lock from
// the pick to the switch, but reads blocked_on before it has the element's locks, looks at a mutex's owner
// before it knows where that is, and lets the rq lock go to move a task. Priorities are left out: a pick may
// take any queued task, so every policy is contained.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace runnel::model::proxy {

constexpr int kTasks = 3, kCpus = 2, kMutexes = 2;
constexpr int kNobody = 3; // no task: the idle thread, a mutex without owner

/// blocked_on
enum : std::uint8_t { kMutex0 = 0, kMutex1 = 1, kWaking = 2, kNull = 3 };

enum class OnRq : std::uint8_t { kNo, kQueued, kMigrating };

struct Op {
  enum Kind : std::uint8_t { kLock, kUnlock, kSleep } kind;
  std::uint8_t mutex = 0;
};

/// Where a task stands in its operation. lock: nothing done; state stored, about to call schedule(); in
/// schedule() or back from it. unlock: nothing done; released, a waiter is to be marked; marked, to be woken.
using Step = std::uint8_t;

struct Task {
  std::uint8_t op = 0;
  Step step = 0;
  std::uint8_t to_wake = kNobody;
  bool sleeping = false; // state is not RUNNING
  OnRq on_rq = OnRq::kQueued;
  std::uint8_t cpu = 0;
  std::uint8_t blocked_on = kNull;
};

enum class Phase : std::uint8_t {
  kRuns,    // not in schedule()
  kPick,    // rq lock held from here ...
  kElement, // blocked_on of an element is read, without its lock (these two are over in the step that began
            // them)
  kLocked,  // it is looked at again under wait_lock and blocked_lock
  kOwner,   // wait_lock held: where is the owner? ... to here
  kReturn,  // rq lock dropped, the task's own locks are to be taken
  kAttach,  // rq lock dropped, the task is to be queued on `target`
};

struct Cpu {
  std::uint8_t curr = kNobody, donor = kNobody;
  bool need_resched = true;
  Phase phase = Phase::kRuns;
  // The walk.
  std::uint8_t picked = kNobody, element = kNobody, mutex = 0, owner = kNobody, target = 0;
  bool curr_in_chain = false;
};

struct Mutex {
  std::uint8_t owner = kNobody;
  std::uint8_t waiters[kTasks] = {kNobody, kNobody, kNobody}; // in order of arrival
};

struct State {
  Task tasks[kTasks];
  Cpu cpus[kCpus];
  Mutex mutexes[kMutexes];
};

/// Rows of the table of resolution, and the ways the walk begins again.
enum class Row {
  kRuns,
  kWakingHere,
  kWakingElsewhere,
  kChanged,
  kNoOwnerHere,
  kNoOwnerElsewhere,
  kOwnerOffAndCurrInChain,
  kOwnerOffDonorBlocks,
  kOwnerOffDonorAwake,
  kOwnerRemoteAndCurrInChain,
  kOwnerRemoteMove,
  kOwnerMigrating,
  kOwnerMoved,
  kOwnerIsElement,
  kNextElement,
  kCount,
};
const char* name_of(Row row);

/// How much of proxy execution there is (spec 6, end).
enum class Level {
  kOneCpu, // chains on one CPU; where the owner is elsewhere the donor really blocks
  kMoves,  // the donor is moved to the owner's CPU, and back by the picker
};

/// An error put into the machine. The search has to notice each.
enum class Mutation {
  kNone,
  kWakingRunsHere,          // a task marked WAKING is run where it is
  kFreeMutexRunsHere,       // so is one whose mutex has no owner
  kMoveCurr,                // the chain is moved although the task that executes here is in it
  kBlockCurr,               // the donor is blocked although the task that executes here is in the chain
  kIdleForgetsResched,      // "run idle once" clears need_resched
  kDonorKeptWhileUnlocked,  // rq.donor still points at what is moved when the lock is dropped
  kOwnerIsElementIgnored,   // owner == p is taken for one more element
  kBlockedOnNotLookedAgain, // blocked_on is believed without its lock
  kRunMigratingOwner,       // an owner on its way here is taken for queued
  kReturnNotLookedAgain,    // return migration without the check under the task's own locks
  kBlockAwakeDonor,         // the donor blocks although it was woken meanwhile
  kAttachWithoutResched,    // the idle CPU that gets a task is not told
  kWakeWhileOnCpu,          // the waker does not wait for on_cpu
  kWalkWithoutLock,         // others may touch the runqueue during the walk
  kForgetAttach,            // the moved task is never queued again
  kCount,
};
const char* name_of(Mutation mutation);

struct Setup {
  std::vector<Op> programs[kTasks]; // repeated for ever
  std::uint8_t allowed[kTasks];     // bit c: may execute on CPU c
  Level level = Level::kMoves;
  bool signals = false; // a waiter may be woken for no reason
  bool movers =
      false; // others (affinity, hot-plug) may move any queued task that is neither executing nor a donor
  Mutation mutation = Mutation::kNone;
};

State first_state(const Setup& setup);

/// What a step leads to.
struct Next {
  State state;
  std::string what;
  int finished = kNobody; // this task came to the end of its program
  unsigned rows = 0;      // of the table that were used: bits by Row
};

/// All steps that are possible in a state; `bad` says what must never be, or is empty.
void steps(const Setup& setup, const State& state, const std::function<void(Next)>& take);
std::string bad(const Setup& setup, const State& state);

} // namespace runnel::model::proxy
