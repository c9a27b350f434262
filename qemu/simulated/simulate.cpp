// SPDX-License-Identifier: Apache-2.0
#include "qemu/simulated/simulate.hpp"

#include "kernel/workload/ground.hpp"
#include "kernel/workload/parse.hpp"
#include "kernel/workload/play.hpp"
#include "sched/sim/machine.hpp"

#include <memory>
#include <stdexcept>

namespace runnel::simulated {

namespace {

/// Of the simulation in progress.
Result* current = nullptr;
bool (*stop_asked)() = nullptr;

/// Thrown out of a thread's body, which ends the simulation.
struct Interrupted {};

struct WakeTimer : sim::Timer {
  explicit WakeTimer(sched::Task& sleeper) : Timer(fire), task(sleeper) {}
  static void fire(Timer& timer) { sched::wake_up_process(static_cast<WakeTimer&>(timer).task); }
  sched::Task& task;
};

End end_of(workload::Played played) {
  switch (played) {
  case workload::Played::kReported:
    return End::kReported;
  case workload::Played::kNoSuchCpu:
    return End::kNoSuchCpu;
  case workload::Played::kRefused:
    return End::kRefused;
  case workload::Played::kNoMemory:
    break;
  }
  throw std::bad_alloc();
}

} // namespace

Result simulate(const Request& request) {
  const auto workload = std::make_unique<workload::Workload>();
  if (!workload::parse_workload(request.workload, *workload))
    throw std::logic_error("the scenario's own compiler made a workload that its parser refuses");
  const auto shape = sim::parse_shape(request.shape);
  if (!shape) throw std::logic_error("no shape of a machine: " + request.shape);
  Result result;
  current = &result;
  stop_asked = request.interrupted;
  sim::Config config;
  config.seed = request.seed;
  config.shape = *shape;
  config.tracing = request.events == Events::kKept ? sim::Tracing::kOn : sim::Tracing::kOff;
  try {
    sim::Outcome outcome = sim::run(config, [&] {
      result.names.emplace(sched::current().pid, "main");
      result.end = end_of(play(*workload, request.seed));
    });
    result.events = std::move(outcome.trace);
  } catch (const sim::Failure& failure) {
    result.end = End::kBroken;
    result.failure = failure.what();
  } catch (const Interrupted&) {
    result.end = End::kInterrupted;
  }
  current = nullptr;
  return result;
}

} // namespace runnel::simulated

namespace runnel::workload::ground {

Result<sched::Task*> create(std::string_view name, void (*body)(void*), void* arg, const CpuMask& cpus) {
  if (!cpus.intersects(sched::port::online_cpus())) return err(Errno::kINVAL);
  sim::TaskOptions options;
  options.name = name;
  options.cpus = cpus;
  const sim::TaskRef ref = sim::spawn(options, [body, arg] { body(arg); });
  sched::port::get_task(*ref); // until it is joined
  simulated::current->names.emplace(ref->pid, ref->comm);
  return &*ref;
}

void join(sched::Task& task) {
  sim::join(sim::TaskRef(static_cast<sim::Task&>(task)));
  sched::port::put_task(task);
}

void burn(Duration left) {
  static constexpr Duration kPiece = 50_us; // so that the end of the run is seen in time
  if (simulated::stop_asked != nullptr && simulated::stop_asked()) throw simulated::Interrupted{};
  sim::compute(left < kPiece ? left : kPiece);
}

void sleep_step(Instant until) {
  if (until == kNever) return sched::schedule();
  simulated::WakeTimer timer(sched::current());
  sched::port::timer_start(timer, until);
  sched::schedule();
  sched::port::timer_cancel(timer);
  while (timer.state != sim::Timer::State::kIdle) sched::port::relax();
}

void print_line(std::string_view text) { simulated::current->lines.emplace_back(text); }

} // namespace runnel::workload::ground
