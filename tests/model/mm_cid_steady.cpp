// SPDX-License-Identifier: Apache-2.0
// Concurrency ids over many switches without a change of owners: what they cost and what stays the same; and
// the numbers of users around which the owners change (spec rseq_mm_cid 4.5, 4.7).
#include "sched/mm_cid/algorithm.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <random>

using namespace runnel;
using namespace runnel::sched;

namespace {

struct Counted : CidRules {
  static inline u64 writes = 0;
  static void pool_written() { ++writes; }
};
using Cid = CidAlgorithm<Counted>;

/// A machine without its scheduler: who runs where is said, and a walk is done at once.
class Machine {
 public:
  static constexpr u32 kMostTasks = 80;

  explicit Machine(u32 cpus, u32 allowed) : space(cpus), running_(cpus, nullptr) {
    space.nr_allowed = allowed;
  }
  ~Machine() {
    while (space.members.pop_front() != nullptr) {
    }
  }

  MmCid space;

  TaskCid& join() {
    TaskCid& task = tasks_.at(used_++);
    if (!Cid::join(space, task, {0})) return task;
    walk();
    if (space.mode == 0) task.word = Cid::get(space);
    return task;
  }
  /// The one that came last; it runs nowhere.
  void leave_last() {
    if (Cid::leave(space, tasks_.at(--used_), {0})) walk();
  }
  void switch_to(u32 cpu, TaskCid* next) {
    TaskCid* const prev = running_[cpu];
    if (prev != nullptr && (prev->word & kCidTransit) != 0) Cid::switch_out(*prev, {cpu});
    running_[cpu] = next;
    if (next != nullptr) Cid::switch_in(*next, {cpu});
  }
  bool runs(const TaskCid& task) const {
    for (const TaskCid* there : running_)
      if (there == &task) return true;
    return false;
  }
  TaskCid& task(u32 i) { return tasks_.at(i); }

 private:
  void walk() {
    if ((space.mode & kCidOnCpu) != 0) {
      for (TaskCid& user : space.members) {
        CpuId cpu{0};
        bool runs = false;
        for (u32 c = 0; c < running_.size(); ++c)
          if (running_[c] == &user) {
            cpu = {c};
            runs = true;
          }
        Cid::walk_task(space, user, runs ? &cpu : nullptr);
      }
    } else {
      for (u32 c = 0; c < space.possible; ++c)
        Cid::walk_cpu(space, {c},
                      running_[c] != nullptr && running_[c]->space == &space ? running_[c] : nullptr);
    }
    Cid::complete(space);
  }

  std::array<TaskCid, kMostTasks> tasks_;
  u32 used_ = 0;
  std::vector<TaskCid*> running_;
};

} // namespace

TEST_CASE("mm_cid: the only thread has number 0 wherever it goes", "[rseq.D04]") {
  Machine machine(64, 64);
  TaskCid& only = machine.join();
  std::mt19937 random(1);
  u32 at = 0, others = 0;
  for (u32 i = 0; i < 1'000'000; ++i) {
    machine.switch_to(at, nullptr);
    at = random() % 64;
    machine.switch_to(at, &only);
    others += only.word != 0;
  }
  CHECK(others == 0);
}

TEST_CASE("mm_cid: switches touch the pool only when the owners change", "[rseq.D06][rseq.D10][rseq.D25]") {
  constexpr u32 kCpus = 8;
  for (const u32 threads : {kCpus, 3 * kCpus}) { // the threads own the numbers, or the CPUs
    Machine machine(kCpus, kCpus);
    for (u32 i = 0; i < threads; ++i) machine.join();
    std::mt19937 random(threads);
    u32 moved = 0;
    std::array<u32, kCpus> of_cpu{};
    std::vector<u32> of_task(threads);
    const auto once = [&](bool notes) {
      const u32 cpu = random() % kCpus;
      TaskCid& next = machine.task(random() % threads);
      machine.switch_to(cpu, nullptr); // to the idle task or a kernel thread
      if (machine.runs(next)) return;
      machine.switch_to(cpu, &next);
      const u32 i = static_cast<u32>(&next - &machine.task(0));
      if (notes) {
        of_cpu[cpu] = next.number();
        of_task[i] = next.number();
      } else {
        moved += threads > kCpus ? of_cpu[cpu] != next.number() : of_task[i] != next.number();
      }
    };
    for (u32 i = 0; i < 10'000; ++i) once(true); // until each CPU and each thread has its number
    const u64 before = Counted::writes;
    for (u32 i = 0; i < 1'000'000; ++i) once(false);
    CHECK((machine.space.mode == kCidOnCpu) == (threads > kCpus));
    CHECK(Counted::writes == before);
    CHECK(moved == 0);
  }
}

TEST_CASE("mm_cid: one thread more or less around the limit changes the owners once",
          "[rseq.D07][rseq.D08][rseq.D09]") {
  for (u32 cpus = 1; cpus <= 64; ++cpus)
    for (u32 allowed = 1; allowed <= cpus; ++allowed) {
      INFO(cpus << " CPUs, " << allowed << " allowed");
      Machine machine(cpus, allowed);
      // The table's rules once more, in other words: a quarter more numbers than are of use, and no more than
      // CPUs.
      u32 users = 0;
      const auto useful = [&] { return std::min(allowed, users); };
      while (machine.space.nr_flips == 0 && users < 70) {
        machine.join();
        ++users;
        CHECK((machine.space.nr_flips == 1) == (users > std::min(useful() * 5 / 4, cpus)));
      }
      REQUIRE(machine.space.nr_flips == 1);
      const u32 threshold = std::max(1u, std::min(useful() - useful() / 4, cpus / 2));
      for (u32 i = 0; i < 5; ++i) {
        machine.leave_last();
        machine.join();
      }
      CHECK(machine.space.nr_flips == 1); // not each time
      while (users > 1) {
        machine.leave_last();
        --users;
        CHECK((machine.space.nr_flips == 2) == (users < threshold));
      }
    }
}

TEST_CASE("mm_cid: a thread without a number is not marked by the walk", "[rseq.D19]") {
  // It could be one that has just come back to an address space: what is marked is given back at its next
  // switch.
  MmCid space(4);
  space.nr_allowed = 4;
  TaskCid task;
  task.space = &space;
  Cid::walk_cpu(space, {0}, &task);
  CHECK(task.word == kCidUnset);
  CHECK(space.slot({0}).word == kCidUnset);
  // One with a number is.
  task.word = Cid::get(space);
  space.max_cids = 4;
  Cid::walk_cpu(space, {0}, &task);
  CHECK(task.word == kCidTransit);
  CHECK(space.slot({0}).word == kCidTransit);
}
