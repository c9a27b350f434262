// SPDX-License-Identifier: Apache-2.0
// When ticks are (spec 1.13): at fixed times of the clock, however often a CPU idles in between, so that one
// that idles for a moment now and then has its tick when it is due, not later each time. Those of different
// CPUs are spread over kTick: at its tick a CPU changes tasks, and the one it has just left is not worth
// moving, so that CPUs that all tick at once would always look for work at the wrong moment.
#pragma once

#include <sched/port.hpp>

namespace runnel::sched {

/// Time in whole ticks, the same on all CPUs.
constexpr Instant whole_ticks(Instant when) {
  return Instant{when.ns - when.ns % static_cast<u64>(port::kTick.ns)};
}

/// The first tick of `cpu` behind `when`, if it is not idle then.
inline Instant next_tick(Instant when, CpuId cpu) {
  const u32 cpus = port::possible_cpus().count();
  const Duration phase = port::kTick * cpu.value / static_cast<i64>(cpus);
  return whole_ticks(when - phase) + phase + port::kTick;
}

} // namespace runnel::sched
