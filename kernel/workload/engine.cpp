// SPDX-License-Identifier: Apache-2.0
// The life of a run: create, start, wait for the end, stop, join.
#include "kernel/workload/engine.hpp"

#include "kernel/lib/format.hpp"

#include <algorithm>

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

bool writes_memory(const Workload& workload, const TaskProgram& program) {
  for (const Phase& phase : workload.phases_of(program))
    for (const Event& event : workload.events_of(phase))
      if (event.kind == EventKind::kMem) return true;
  return false;
}

constexpr usize kMemory = 32768; // what one thread's `mem` events write over and over

} // namespace

bool Objects::allocate(const Workload& program) {
  if (!conditions.allocate(program.conditions) || !barriers.allocate(program.barriers) ||
      !semaphores.allocate(program.semaphores) || !timers.allocate(program.timers) ||
      !suspended.allocate(program.task_count))
    return false;
  for (u32 i = 0; i < program.barriers; ++i) barriers[i].users = program.barrier_users[i];
  return true;
}

void CpuSample::take() {
  for (const CpuId cpu : sched::port::online_cpus()) cpus[cpu.value] = sched::cpu_stats(cpu);
  when = now();
}

Engine::~Engine() {
  for (u32 i = 0; i < thread_count(); ++i) delete_object(&thread_at(i));
}

Result<WorkThread*> Engine::create(u32 task_index, u32 instance) {
  const TaskProgram& program = program_.tasks[task_index];
  auto* const thread = new_object<WorkThread>();
  if (thread == nullptr) return err(Errno::kNOMEM);
  thread->engine = this;
  thread->program = &program;
  thread->task_index = task_index;
  thread->instance = instance;
  thread->cpus = program.attributes.cpus;
  if (!thread->own_timers.allocate(program.own_timers) ||
      !thread->memory.allocate(writes_memory(program_, program) ? kMemory : 0)) {
    delete_object(thread);
    return err(Errno::kNOMEM);
  }
  add(*thread); // before it runs: it may end at once
  char buffer[16];
  BufferSink name(buffer);
  make_name(name, program, instance);
  const CpuMask cpus =
      program.attributes.cpus != 0 ? CpuMask::from_bits(program.attributes.cpus) : CpuMask::all();
  const Result<sched::Task*> task = ground::create(name.view(), thread_body, thread, cpus);
  if (!task) {
    const ground::SpinGuard guard(lock_);
    --alive_;
    ++failed_;
    return err(task.error());
  }
  thread->task.store(*task, std::memory_order_relaxed);
  return thread;
}

/// Before any thread exists; nothing is allocated under a spinlock.
bool Engine::allocate_objects() NO_THREAD_SAFETY_ANALYSIS {
  return objects_.allocate(program_) && mutexes_.allocate(program_.mutexes);
}

Result<> Engine::prepare() {
  if (!allocate_objects()) return err(Errno::kNOMEM);
  for (u32 i = 0; i < program_.task_count; ++i)
    for (u32 n = 0; n < program_.tasks[i].instances; ++n)
      if (const Result<WorkThread*> thread = create(i, n); !thread) return err(thread.error());
  return {};
}

Result<> Engine::run() {
  main_ = &sched::current();
  const Result<> prepared = prepare();
  wait_for_threads(); // also those of a workload that has not become whole
  if (prepared && set_attributes()) {
    begin();
    wait_for_end();
  }
  after_.take();
  stop();
  // A fork adds its thread before the forking one ends, so after each join the count is right for what
  // follows.
  for (u32 i = 0; i < thread_count(); ++i)
    if (sched::Task* const task = thread_at(i).task.load(std::memory_order_relaxed)) ground::join(*task);
  if (refused_.load(std::memory_order_acquire)) ending_ = Ending::kRefused;
  return prepared;
}

u32 Engine::thread_count() const {
  const ground::SpinGuard guard(lock_);
  return thread_count_;
}

WorkThread& Engine::thread_at(u32 index) const {
  const ground::SpinGuard guard(lock_);
  return *threads_[index];
}

u32 Engine::forks_refused() const {
  const ground::SpinGuard guard(lock_);
  return forks_refused_;
}

void Engine::add(WorkThread& thread) {
  const ground::SpinGuard guard(lock_);
  threads_[thread_count_++] = &thread;
  ++alive_;
}

Progress Engine::wait_for_start(WorkThread& self) {
  if (!started_.load(std::memory_order_acquire)) {
    const ground::SpinGuard guard(lock_);
    if (++arrived_ + failed_ == thread_count_) sched::wake_up_process(*main_);
  }
  for (;;) {
    sched::set_current_state(sched::kInterruptible); // B1, side A; side B: begin() and stop()
    if (started_.load(std::memory_order_acquire) || stopping_.load(std::memory_order_acquire)) break;
    sched::schedule();
  }
  sched::current().state.store(sched::kRunning, std::memory_order_relaxed);
  if (over()) return Progress::kStop;
  const bool forked = self.instance >= self.program->instances;
  self.baseline.begin = forked ? now() : start_;
  if (forked && self.program->attributes.has_sched && !ask(self, self.program->attributes.sched, {}))
    return Progress::kStop;
  return Progress::kGoOn;
}

void Engine::wait_for_threads() {
  for (;;) {
    sched::set_current_state(sched::kInterruptible);
    {
      const ground::SpinGuard guard(lock_);
      if (arrived_ + failed_ == thread_count_) break;
    }
    sched::schedule();
  }
  main_->state.store(sched::kRunning, std::memory_order_relaxed);
}

bool Engine::set_attributes() {
  for (u32 i = 0; i < thread_count(); ++i) {
    WorkThread& thread = thread_at(i);
    const Attributes& attributes = thread.program->attributes;
    if (attributes.has_sched && !ask(thread, attributes.sched, {})) return false;
  }
  return true;
}

void Engine::begin() {
  // Without preemption: else the first thread that is better than this one would keep the others from
  // beginning with it.
  const sched::port::PreemptGuard together;
  const u32 threads = thread_count();
  before_.take();
  start_ = before_.when;
  if (program_.duration.ns != 0) deadline_ = start_ + program_.duration;
  started_.store(true, std::memory_order_release); // pairs with the acquire in wait_for_start()
  for (u32 i = 0; i < threads; ++i)
    sched::wake_up_process(*thread_at(i).task.load(std::memory_order_relaxed));
}

bool Engine::has_ended() {
  // All may have seen the end of time before this thread did.
  if (alive_ == 0) ending_ = cut_short_ ? Ending::kDuration : Ending::kFinished;
  return alive_ == 0 || stopping_.load(std::memory_order_relaxed);
}

void Engine::wait_for_end() {
  for (;;) {
    bool stall = false;
    sched::set_current_state(sched::kInterruptible);
    {
      const ground::SpinGuard guard(lock_);
      if (has_ended()) break;
      stall =
          waiting_ == alive_ && now().is_before(deadline_); // later those who ran have ended by themselves
    }
    if (stall) {
      main_->state.store(sched::kRunning, std::memory_order_relaxed);
      if (is_stalled()) {
        ending_ = now().is_before(deadline_) ? Ending::kStalled : Ending::kDuration;
        break;
      }
      continue;
    }
    if (!now().is_before(deadline_)) {
      ending_ = Ending::kDuration;
      break;
    }
    ground::sleep_step(deadline_);
  }
  main_->state.store(sched::kRunning, std::memory_order_relaxed);
}

/// Every thread waits. One of them may have been handed its mutex and not have run yet, so look again a
/// little later: nothing else can set them going.
bool Engine::is_stalled() {
  static constexpr Duration kAgain = 20_ms;
  u64 progress = 0;
  {
    const ground::SpinGuard guard(lock_);
    progress = progress_;
  }
  const Instant until = now() + kAgain;
  while (now().is_before(until)) {
    sched::set_current_state(sched::kUninterruptible);
    ground::sleep_step(until);
  }
  const ground::SpinGuard guard(lock_);
  return alive_ != 0 && waiting_ == alive_ && progress_ == progress;
}

void Engine::stop() {
  // From here on nobody is granted anything and nobody forks: both look at the flag under the lock.
  const ground::SpinGuard guard(lock_);
  stopping_.store(true, std::memory_order_release); // pairs with the acquire in over()
  for (u32 i = 0; i < thread_count_; ++i)
    if (sched::Task* const task = threads_[i]->task.load(std::memory_order_relaxed))
      sched::wake_up_process(*task);
}

void Engine::thread_ended(WorkThread& self, Progress last) {
  sched::Task& task = sched::current();
  const sched::TaskStats& stats = task.stats;
  const sched::TaskStats& before = self.baseline.stats;
  Figures& figures = self.figures;
  const Instant end = now();
  figures.run_time = sched::task_runtime(task) - self.baseline.run_time;
  figures.lifetime = end - self.baseline.begin;
  figures.voluntary = stats.nvcsw - before.nvcsw + figures.yield_switches;
  figures.preemptions = stats.nivcsw - before.nivcsw - figures.yield_switches;
  figures.migrations = stats.nr_migrations - before.nr_migrations;
  const Instant seen_until = end.is_before(deadline_) ? end : deadline_;
  if (last == Progress::kStop && self.job_deadline.is_before(seen_until)) {
    ++figures.jobs.misses;
    figures.jobs.lateness_max = std::max(figures.jobs.lateness_max, seen_until - self.job_deadline);
  }
  for (MutexObject& object : mutexes_) static_cast<void>(unlock_if_owned(self, object));
  const ground::SpinGuard guard(lock_);
  if (last == Progress::kStop) cut_short_ = true;
  --alive_;
  if (alive_ == 0 || waiting_ == alive_) sched::wake_up_process(*main_);
}

bool Engine::over() const { return stopping_.load(std::memory_order_acquire) || !now().is_before(deadline_); }

void Engine::fork(u32 task_index) {
  u32 instance = 0;
  {
    const ground::SpinGuard guard(lock_);
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (thread_count_ + forks_begun_ == kMaxThreads) {
      ++forks_refused_;
      return;
    }
    ++forks_begun_; // keeps the place in threads_
    instance = program_.tasks[task_index].instances + forks_[task_index]++;
  }
  const Result<WorkThread*> thread = create(task_index, instance);
  const ground::SpinGuard guard(lock_);
  --forks_begun_;
  if (!thread) ++forks_refused_;
}

} // namespace runnel::workload
