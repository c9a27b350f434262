// SPDX-License-Identifier: Apache-2.0
// The machine's main loop, which has no stack of its own: whoever suspends a CPU chooses the one that goes on
// and jumps there.
#include "sched/sim/machine.hpp"

#include "sched/sim/boot.hpp"
#include "sched/sim/invariants.hpp"

#include <bit>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#define RUNNEL_SIM_ASAN 1
#endif
#endif

namespace runnel::sim {

constinit Machine* machine = nullptr;

namespace {

constexpr u32 kTieBits = 16;
constexpr u64 kNoKey = ~u64{0};

Fiber& fiber_of(const VirtualCpu& cpu) {
  return static_cast<Task&>(*reinterpret_cast<sched::Task*>(cpu.current)).fiber;
}

} // namespace

Machine::Machine(const Config& config)
    : config_(config), rng_(config.seed), scenario_rng_(rng_.fork()), cpus_(config.shape.cpus()) {
  if (machine != nullptr) throw std::logic_error("two simulations at a time");
  const usize leaves = std::bit_ceil(cpus_.size());
  keys_.assign(leaves, kNoKey);
  winners_.assign(2 * leaves, 0);
  for (u32 i = 0; i < leaves; ++i) winners_[leaves + i] = i;
  for (usize node = leaves - 1; node != 0; --node) winners_[node] = winners_[2 * node];
  for (u32 i = 0; i < nr_cpus(); ++i) cpus_[i].id = CpuId{i};
  machine = this;
  now_ns = kStartTime;
  in_scheduler_ = nr_cpus();
  points_left = kNoPoints;
  sched::port::tracing = config.tracing == Tracing::kOn;
#ifdef RUNNEL_SIM_ASAN
  __lsan_disable(); // what abandoned fibers hold cannot be given back
#endif
}

Machine::~Machine() {
  for (Task& idle : idle_) fiber_destroy(idle.fiber);
  for (Task* task : live_) fiber_destroy(task->fiber);
#ifdef RUNNEL_SIM_ASAN
  for (const Task* task : free_) __asan_unpoison_memory_region(task, sizeof *task);
  __lsan_enable();
#endif
  machine = nullptr;
  executing = nullptr;
  points_left = kNoPoints;
  sched::port::tracing = false;
}

Outcome Machine::run(std::function<void()> body) {
  const u64 start = now_ns;
  body_ = std::move(body);
  for (u32 i = 0; i < nr_cpus(); ++i) idle_.emplace_back();
  fiber_create(idle_[0].fiber, boot_entry);
  fiber_switch(main_, idle_[0].fiber);
  points_left = kNoPoints;
  if (exception_) std::rethrow_exception(exception_);
  if (failure_) throw Failure(*failure_);
  for (const Task* task : live_) counters_.wakeups += task->stats.nr_wakeups;
  return {counters_, std::move(trace_), Duration{static_cast<i64>(now_ns - start)}};
}

/// First code of the simulation, on the boot CPU's idle thread.
void Machine::boot_entry(Fiber&) {
  Machine& m = *machine;
  boot(m, std::move(m.body_));
  for (u32 i = 1; i < m.nr_cpus(); ++i) {
    m.cpus_[i].resume_at = now_ns;
    m.set_key(i, now_ns << kTieBits | (m.rng_.next() >> (64 - kTieBits)));
  }
  if (m.config_.interleaving == Interleaving::kFine) points_left = m.rng_.between(1, 2 * m.config_.point_gap);
  idle_loop();
}

void Machine::set_key(u32 cpu, u64 key) {
  keys_[cpu] = key;
  for (usize node = (keys_.size() + cpu) / 2; node != 0; node /= 2) {
    const u32 left = winners_[2 * node];
    const u32 right = winners_[2 * node + 1];
    winners_[node] = keys_[left] <= keys_[right] ? left : right;
  }
}

void Machine::interrupts_changed(VirtualCpu& cpu) {
  const Timer* first = cpu.timers.top();
  const u64 timer = first != nullptr ? first->expires.ns : kNoTime;
  cpu.next_irq = cpu.ipi_at < timer ? cpu.ipi_at : timer;
  if (&cpu == executing) return; // its key is made when it is suspended
  const u64 at = cpu.irqs_on && cpu.next_irq < cpu.resume_at ? cpu.next_irq : cpu.resume_at;
  set_key(cpu.id.value, at >= kNoTime ? kNoKey : at << kTieBits | (rng_.next() >> (64 - kTieBits)));
}

/// The next to go on, and the clock set to when it does.
VirtualCpu* Machine::next_cpu() {
  const u32 winner = winners_[1];
  if (keys_[winner] == kNoKey) return nullptr;
  if (const u64 at = keys_[winner] >> kTieBits; at > now_ns) now_ns = at;
  return &cpus_[winner];
}

void Machine::suspend(u64 until, At at) {
  VirtualCpu& cpu = *executing;
  points_saved_ = points_left;
  points_left = kNoPoints; // the machine itself is no place for others to get in
  cpu.resume_at = until;
  cpu.at = at;
  if (at != At::kScheduler) --in_scheduler_;
  executing = nullptr;
  interrupts_changed(cpu);
  executing = &cpu;
  check();
  VirtualCpu* next = next_cpu();
  if (next == nullptr) all_asleep(*this);
  if (now_ns > kStartTime + static_cast<u64>(config_.time_limit.ns))
    fail("limit", "the time limit is reached");
  if (next != &cpu) {
    executing = next;
    fiber_switch(fiber_of(cpu), fiber_of(*next));
    // A fiber is resumed by whoever chose the CPU it runs on; `executing` is that CPU.
  }
  if (at != At::kScheduler) {
    executing->at = At::kScheduler;
    ++in_scheduler_;
  }
  points_left = points_saved_;
}

/// What holds at every step. Walks over all tasks or CPUs are made so often that a step's share stays
/// constant.
void Machine::check() {
  ++counters_.steps;
  check_step(*this, *executing);
  if (--walk_countdown_ == 0) {
    walk_countdown_ = static_cast<u32>(live_.size() + cpus_.size()) / 16 + 1;
    check_runqueues(*this);
  }
  if (counters_.steps > config_.step_limit) fail("limit", "the step limit is reached");
}

Task& Machine::allocate_task(void (*entry)(Fiber&)) {
  Task* task = nullptr;
  if (free_.empty()) {
    task = &tasks_.emplace_back();
  } else {
    task = free_.back();
    free_.pop_back();
#ifdef RUNNEL_SIM_ASAN
    __asan_unpoison_memory_region(task, sizeof *task);
#endif
    std::destroy_at(task);
    std::construct_at(task);
  }
  task->pid = next_pid_++;
  task->slot = static_cast<u32>(live_.size());
  live_.push_back(task);
  fiber_create(task->fiber, entry);
  return *task;
}

void Machine::release_task(Task& task) {
  counters_.wakeups += task.stats.nr_wakeups;
  fiber_destroy(task.fiber);
  task.body = nullptr;
  live_.back()->slot = task.slot;
  live_[task.slot] = live_.back();
  live_.pop_back();
  free_.push_back(&task);
#ifdef RUNNEL_SIM_ASAN
  __asan_poison_memory_region(&task, sizeof task); // who still looks at it is caught in the act
#endif
}

void Machine::stop() {
  points_left = kNoPoints;
  fiber_switch(fiber_of(*executing), main_);
  __builtin_trap(); // nobody resumes it
}

void Machine::fail(const std::string& invariant, const std::string& message) {
  if (!failure_) failure_ = std::make_unique<Failure>(invariant, describe_failure(*this, invariant, message));
  stop();
}

Outcome run(const Config& config, std::function<void()> body) {
  Machine m(config);
  return m.run(std::move(body));
}

} // namespace runnel::sim
