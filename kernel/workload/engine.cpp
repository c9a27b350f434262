// SPDX-License-Identifier: Apache-2.0
// The life of a run: create, start, wait for the end, stop, join.
#include "kernel/workload/engine.hpp"

#include "kernel/lib/format.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/time/sleep.hpp"
#include "kernel/workload/array.hpp"

#include <sched/sched.hpp>

namespace runnel::workload {

namespace {

/// "hog-3", within the 15 characters a thread's name has: the name is cut, not the number.
void make_name(BufferSink& sink, const TaskProgram& program, u32 instance) {
  static constexpr usize kThreadName = 15;
  char digits[8];
  BufferSink number(digits);
  if (program.instances != 1 || instance != 0) format_to(number, "-{}", instance);
  sink.write(program.name.substr(0, kThreadName - number.view().size()));
  sink.write(number.view());
}

CpuMask allowed(const TaskProgram& program) {
  return program.attributes.cpus != 0 ? CpuMask::from_bits(program.attributes.cpus) : CpuMask::all();
}

} // namespace

bool Objects::allocate(const Workload& program) {
  mutexes = new_array<MutexObject>(program.mutexes);
  conditions = new_array<ConditionObject>(program.conditions);
  barriers = new_array<BarrierObject>(program.barriers);
  semaphores = new_array<SemaphoreObject>(program.semaphores);
  timers = new_array<PeriodicTimer>(program.timers);
  suspended = new_array<WaitList>(program.task_count);
  for (u32 i = 0; i < program.barriers && barriers != nullptr; ++i)
    barriers[i].users = program.barrier_users[i];
  return (mutexes != nullptr || program.mutexes == 0) && (conditions != nullptr || program.conditions == 0) &&
         (barriers != nullptr || program.barriers == 0) &&
         (semaphores != nullptr || program.semaphores == 0) && (timers != nullptr || program.timers == 0) &&
         suspended != nullptr;
}

Objects::~Objects() {
  delete_array(mutexes);
  delete_array(conditions);
  delete_array(barriers);
  delete_array(semaphores);
  delete_array(timers);
  delete_array(suspended);
}

Engine::~Engine() {
  for (u32 i = 0; i < thread_count(); ++i) destroy(&thread_at(i));
}

void Engine::destroy(WorkThread* thread) {
  delete_array(thread->own_timers);
  kdelete(thread);
}

Result<WorkThread*> Engine::create(u32 task_index, u32 instance) {
  const TaskProgram& program = program_.tasks[task_index];
  auto* const thread = knew<WorkThread>();
  if (thread == nullptr) return err(Errno::kNOMEM);
  thread->engine = this;
  thread->program = &program;
  thread->task_index = task_index;
  thread->instance = instance;
  thread->own_timers = new_array<PeriodicTimer>(program.own_timers);
  if (thread->own_timers == nullptr && program.own_timers != 0) {
    destroy(thread);
    return err(Errno::kNOMEM);
  }
  char buffer[16];
  BufferSink name(buffer);
  make_name(name, program, instance);
  const Result<Task*> task = kthread_create(name.view(), thread_body, thread, {.cpus = allowed(program)});
  if (!task) {
    destroy(thread);
    return err(task.error());
  }
  thread->task = *task;
  thread->pid = (*task)->pid;
  return thread;
}

Result<> Engine::prepare() {
  main_ = &current_task();
  for (u32 i = 0; i < program_.task_count; ++i) {
    for (u32 n = 0; n < program_.tasks[i].instances; ++n) {
      const Result<WorkThread*> thread = create(i, n);
      if (!thread) return err(thread.error());
      add(**thread);
    }
  }
  return {};
}

bool Engine::allocate_objects() NO_THREAD_SAFETY_ANALYSIS { return objects_.allocate(program_); }

Result<> Engine::run() {
  if (!allocate_objects()) return err(Errno::kNOMEM);
  const Result<> prepared = prepare();
  start_ = time::now();
  if (program_.duration.ns != 0) deadline_ = start_ + program_.duration;
  const u32 initial = thread_count();
  if (!prepared) stopping_.store(true, std::memory_order_release); // those that exist run only to end at once
  for (u32 i = 0; i < initial; ++i) kthread_start(*thread_at(i).task);
  if (prepared) wait_for_end();
  stop();
  // A fork adds its thread before the forking one ends, so after each join the count is right for what
  // follows.
  for (u32 i = 0; i < thread_count(); ++i) kthread_join(thread_at(i).task);
  wall_ = time::now() - start_;
  return prepared;
}

u32 Engine::thread_count() const {
  const SpinGuard guard(lock_);
  return thread_count_;
}

WorkThread& Engine::thread_at(u32 index) const {
  const SpinGuard guard(lock_);
  return *threads_[index];
}

u32 Engine::forks_refused() const {
  const SpinGuard guard(lock_);
  return forks_refused_;
}

void Engine::add(WorkThread& thread) {
  const SpinGuard guard(lock_);
  threads_[thread_count_++] = &thread;
  ++alive_;
}

void Engine::wait_for_end() {
  for (;;) {
    sched::set_current_state(sched::kInterruptible);
    {
      const SpinGuard guard(lock_);
      if (alive_ == 0 || stalled_) {
        // All may have seen the end of time before this thread did.
        ending_ = cut_short_ ? Ending::kDuration : alive_ == 0 ? Ending::kFinished : Ending::kStalled;
        break;
      }
    }
    if (!time::now().is_before(deadline_)) {
      ending_ = Ending::kDuration;
      break;
    }
    time::schedule_until(deadline_);
  }
  main_->state.store(sched::kRunning, std::memory_order_relaxed);
}

void Engine::stop() {
  // From here on nobody is granted anything and nobody forks: both look at the flag under the lock.
  const SpinGuard guard(lock_);
  stopping_.store(true, std::memory_order_release); // pairs with the acquire in over()
  for (u32 i = 0; i < thread_count_; ++i) sched::wake_up_process(*threads_[i]->task);
}

void Engine::thread_ended(WorkThread& self, Progress last) {
  const sched::TaskStats& stats = self.task->stats;
  Figures& figures = self.figures;
  figures.run_time = sched::task_runtime(*self.task);
  figures.voluntary = stats.nvcsw + figures.yield_switches;
  figures.preemptions = stats.nivcsw - figures.yield_switches;
  figures.migrations = stats.nr_migrations;
  const SpinGuard guard(lock_);
  if (last == Progress::kStop) cut_short_ = true;
  --alive_;
  check_stalled();
  if (alive_ == 0) sched::wake_up_process(*main_);
}

bool Engine::over() const {
  return stopping_.load(std::memory_order_acquire) || !time::now().is_before(deadline_);
}

void Engine::fork(u32 task_index) {
  u32 instance = 0;
  {
    const SpinGuard guard(lock_);
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (thread_count_ + forks_begun_ == kMaxThreads) {
      ++forks_refused_;
      return;
    }
    ++forks_begun_; // keeps the place in threads_
    instance = program_.tasks[task_index].instances + forks_[task_index]++;
  }
  const Result<WorkThread*> thread = create(task_index, instance);
  if (thread) {
    add(**thread);
    kthread_start(*(*thread)->task);
  }
  const SpinGuard guard(lock_);
  --forks_begun_;
  if (!thread) ++forks_refused_;
}

} // namespace runnel::workload
