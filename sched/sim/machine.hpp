// SPDX-License-Identifier: Apache-2.0
// The simulated machine: virtual CPUs on one host thread under a virtual clock. It runs the scheduler's own
// sources; what is simulated is the ground below sched::port. docs/simulation.md tells the whole story.
#pragma once

#include "sched/sim/rng.hpp"
#include "sched/sim/shape.hpp"
#include "sched/sim/task.hpp"

#include <deque>
#include <exception>
#include <memory>
#include <stdexcept>
#include <vector>

namespace runnel::sim {

/// Coarse: scheduler code runs without interruption until it waits, computes or idles. Fine: at random points
/// of it (locks, barriers; in the test build every memory access of sched/) other CPUs and interrupts get in.
enum class Interleaving { kCoarse, kFine };
enum class Tracing { kOff, kOn };

/// Deliberate faults of the ground, to prove that the checks find them.
enum class Mutation {
  kNone,
  kEarlyRelease,      // B4: at one switch in 64 on_cpu is cleared before the task has left the CPU
  kDropIpi,           // one reschedule IPI in 64 never arrives
  kLoseWakeListEntry, // at a reschedule IPI the newest entry of the wake list is forgotten, now and then
  kSleepUnchecked,    // B1: wait_until looks at its condition before it stores its state
  kDropTimer,         // one timer in 256 never fires
  kLatePreemption,    // one interrupt in 64 does not look at need_resched on its way out
};

struct Config {
  u64 seed = 1;
  Shape shape;
  Interleaving interleaving = Interleaving::kCoarse;
  u32 point_gap = 200; // fine: mean number of points between two delays
  Duration ipi_latency = 1_us;
  Duration switch_cost;
  Duration irq_cost; // accounted as interrupt time
  Duration time_limit = 1000_s;
  u64 step_limit = 1'000'000'000;
  Tracing tracing = Tracing::kOff;
  Mutation mutation = Mutation::kNone;
};

struct Counters {
  u64 steps = 0; // times a CPU was given the host
  u64 switches = 0;
  u64 wakeups = 0;
  u64 interrupts = 0;
  u64 ticks = 0;
  u64 ipis_sent = 0;
  u64 ipis_taken = 0;
  u64 delays = 0; // points that let others in
  u64 notices = 0;
  u64 rests = 0; // times the deadline class was checked with all CPUs at rest
  u64 events() const { return switches + wakeups + interrupts; }
};

/// The virtual clock at switch-on; not 0, which is what a forgotten time looks like.
inline constexpr u64 kStartTime = 1'000'000'000;

/// Thrown by run(): an invariant did not hold.
struct Failure : std::runtime_error {
  Failure(std::string name, const std::string& text) : std::runtime_error(text), invariant(std::move(name)) {}
  std::string invariant; // its name
};

/// What is left of a simulation.
struct Outcome {
  Counters counters;
  std::vector<trace::Event> trace;
  Duration time;
};

/// Runs `body` as the task "init" on a machine as `config` says; over when it returns. Throws Failure, or
/// what the body threw. One simulation at a time.
Outcome run(const Config& config, std::function<void()> body);

class Machine {
 public:
  explicit Machine(const Config& config);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Outcome run(std::function<void()> body);

  const Config& config() const { return config_; }
  u32 nr_cpus() const { return static_cast<u32>(cpus_.size()); }
  VirtualCpu& cpu(u32 i) { return cpus_[i]; }
  CpuMask& online() { return online_; }
  CpuMask& active() { return active_; }
  /// For the walks over all CPUs.
  std::vector<u32>& scratch() { return scratch_; }
  Counters& counters() { return counters_; }
  std::vector<trace::Event>& trace() { return trace_; }
  /// For scenarios; the interleaving draws from another sequence.
  Rng& rng() { return scenario_rng_; }
  Rng& chance() { return rng_; }
  /// Every task that is not gone, idle threads excepted.
  const std::vector<Task*>& tasks() const { return live_; }
  Task& idle(u32 cpu) { return idle_[cpu]; }

  /// The executing CPU's code goes on at `until`, or when an interrupt comes that it has enabled. Until then
  /// it is in `at`.
  void suspend(u64 until, At at = At::kScheduler);
  /// A fiber's first code after it was chosen by suspend().
  void resumed() { points_left = points_saved_; }
  /// CPUs that are in the middle of scheduler code.
  u32 in_scheduler() const { return in_scheduler_; }
  /// A pending interrupt of `cpu` came or went.
  void interrupts_changed(VirtualCpu& cpu);
  /// A new task with a pid, its fiber starting at `entry`. release_task: nobody refers to it any more.
  Task& allocate_task(void (*entry)(Fiber&));
  void release_task(Task& task);
  /// Ends the simulation.
  [[noreturn]] void stop();
  [[noreturn]] void fail(const std::string& invariant, const std::string& message);
  void body_threw(std::exception_ptr exception) { exception_ = std::move(exception); }
  Fiber& main_fiber() { return main_; }

 private:
  VirtualCpu* next_cpu();
  void check();
  void set_key(u32 cpu, u64 key);
  static void boot_entry(Fiber& fiber);

  Config config_;
  Rng rng_;
  Rng scenario_rng_;
  Counters counters_;
  std::vector<VirtualCpu> cpus_;
  std::vector<u64> keys_;    // by CPU: when it goes on << 16 | random; padded to a power of two
  std::vector<u32> winners_; // tournament over keys_: winners_[1] is the CPU with the least
  u32 in_scheduler_ = 0;
  u32 walk_countdown_ = 1;
  u64 points_saved_ = kNoPoints; // points_left while the machine's own code runs
  std::vector<u32> scratch_;
  CpuMask online_;
  CpuMask active_;
  Fiber main_;
  std::deque<Task> idle_;
  std::deque<Task> tasks_; // memory of live and of former tasks
  std::vector<Task*> live_;
  std::vector<Task*> free_;
  u32 next_pid_ = 1;
  std::function<void()> body_;
  std::vector<trace::Event> trace_;
  std::unique_ptr<Failure> failure_;
  std::exception_ptr exception_;
};

/// The one that runs, nullptr outside of a simulation.
extern Machine* machine;

} // namespace runnel::sim
