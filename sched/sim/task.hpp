// SPDX-License-Identifier: Apache-2.0
// A task of the simulated machine, and what its body can do. Everything below runs on a task's fiber.
#pragma once

#include "sched/sim/fiber.hpp"

#include <functional>
#include <sched/sched.hpp>
#include <string>

namespace runnel::sim {

inline constexpr u32 kNoCpu = ~0u;

struct Task : sched::Task {
  Fiber fiber;
  std::function<void()> body;
  u32 refs = 1;           // the scheduler's, dropped by port::task_dead
  u32 owner = kNoCpu;     // the CPU whose registers it is in (C03)
  bool exited = false;    // its body is over
  Task* joiner = nullptr; // waits in join()
  Duration computed;      // by compute(), ns of work done
  Duration on_cpu_time;   // between switch-in and switch-out
  u64 switched_in_at = 0;
  const std::function<bool()>* waits_for = nullptr; // the condition it sleeps for, for the lost wake-up check
  CpuMask settled_mask = CpuMask::all(); // where it may run for certain: no set_affinity() is under way (C16)
  u32 setters = 0;                       // set_affinity() calls under way
  u64 affinity_changes = 0;
  u32 slot = 0; // in the machine's table
};

/// First thing after a switch, on the new task's stack: the registers of the old one are saved. Returns it.
inline sched::Task& switched_in() {
  Task& prev = static_cast<Task&>(*executing->switched_from);
  prev.owner = kNoCpu;
  return prev;
}

/// `inherit`: policy and priority of the spawning task (fork) instead of the ones given.
enum class Inherit { kNo, kYes };

struct TaskOptions {
  std::string name = "task";
  CpuMask cpus = CpuMask::all();
  sched::Policy policy = sched::Policy::kNormal;
  i32 nice = 0;
  u32 rt_priority = 0;
  Duration runtime{}; // deadline policy
  Duration deadline{};
  Duration period{};
  Inherit inherit = Inherit::kNo;
};

/// Holds a reference: the task's memory stays.
class TaskRef {
 public:
  TaskRef() = default;
  explicit TaskRef(Task& task) : task_(&task) { ++task.refs; }
  TaskRef(const TaskRef& o) : task_(o.task_) {
    if (task_ != nullptr) ++task_->refs;
  }
  TaskRef(TaskRef&& o) noexcept : task_(o.task_) { o.task_ = nullptr; }
  TaskRef& operator=(TaskRef o) noexcept {
    std::swap(task_, o.task_);
    return *this;
  }
  ~TaskRef();
  Task& operator*() const { return *task_; }
  Task* operator->() const { return task_; }
  explicit operator bool() const { return task_ != nullptr; }

 private:
  Task* task_ = nullptr;
};

/// The task that executes.
inline Task& self() { return static_cast<Task&>(sched::current()); }
inline Instant now() { return {now_ns}; }
inline CpuId cpu() { return executing->id; }

/// sched::set_cpus_allowed, checked: from its return on `task` does not run outside `mask` (C16), until the
/// next change.
Result<> set_affinity(Task& task, const CpuMask& mask);

/// Makes a task and wakes it up for the first time.
TaskRef spawn(const TaskOptions& options, std::function<void()> body);
/// Waits until its body is over. One joiner a task.
void join(const TaskRef& task);
/// Keeps the CPU busy for `work` of its own time; interrupts and other tasks come in between.
void compute(Duration work);
void sleep(Duration time);
/// Sleeps until `condition` is true. Who makes it true calls wake() afterwards (B1).
void wait_until(const std::function<bool()>& condition);
bool wake(Task& task);
[[noreturn]] void exit();

} // namespace runnel::sim
