// SPDX-License-Identifier: Apache-2.0
// How fast the simulated machine is: scheduling events (switches, wake-ups, interrupts taken: timers, ticks
// among them, and IPIs; migrations are not counted), all checks on, a second of
// CPU time. Prints `# bench NAME VALUE unit` lines.
#include "sched/sim/machine.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

using namespace runnel;

namespace {

/// Two tasks a CPU, each computing and sleeping for a while; one in four wakes a partner instead of a timer.
void load(u32 tasks, Duration time) {
  std::vector<sim::TaskRef> all;
  const Instant end = sim::now() + time;
  for (u32 i = 0; i < tasks; ++i)
    all.push_back(sim::spawn({.name = "load"}, [end, rng = sim::machine->rng().fork()]() mutable {
      while (sim::now().is_before(end)) {
        sim::compute(Duration{static_cast<i64>(rng.between(20'000, 200'000))});
        sim::sleep(Duration{static_cast<i64>(rng.between(20'000, 200'000))});
      }
    }));
  for (const sim::TaskRef& task : all) sim::join(task);
}

void measure(const char* shape, Duration time) {
  sim::Config config;
  config.shape = *sim::parse_shape(shape);
  const std::clock_t start = std::clock(); // CPU time: the host may have other things to do
  const sim::Outcome outcome = sim::run(config, [&] { load(config.shape.cpus() * 2, time); });
  const double took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  const sim::Counters& n = outcome.counters;
  std::printf("# bench sim-%s-events %.0f 1/s\n", shape, static_cast<double>(n.events()) / took);
  std::printf("# switches %llu, wake-ups %llu, interrupts %llu (ticks %llu, IPIs %llu), steps %llu, %.2f s "
              "of a host CPU\n",
              static_cast<unsigned long long>(n.switches), static_cast<unsigned long long>(n.wakeups),
              static_cast<unsigned long long>(n.interrupts), static_cast<unsigned long long>(n.ticks),
              static_cast<unsigned long long>(n.ipis_taken), static_cast<unsigned long long>(n.steps), took);
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1) return measure(argv[1], Duration{(argc > 2 ? std::atoll(argv[2]) : 1000) * 1'000'000}), 0;
  measure("1", 20'000_ms);
  measure("1x4x1", 5'000_ms);
  measure("2x16x2", 1'000_ms);
  measure("8x64x2", 50_ms);
}
