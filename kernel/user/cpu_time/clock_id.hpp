// SPDX-License-Identifier: Apache-2.0
// Numbers of clocks that show processor time: the two that have names, and those that a process or thread is
// written into (clock_getcpuclockid, pthread_getcpuclockid). Pure.
#pragma once

#include "kernel/user/clocks.hpp"

#include <optional>

namespace runnel::user {

/// What is counted. The first two are sampled by the tick, the last is measured.
enum class CpuClock : u8 { kProf, kVirtual, kRun };
inline constexpr u32 kNrCpuClocks = 3;

enum class CpuScope : u8 { kProcess, kThread };

struct CpuClockId {
  CpuClock which = CpuClock::kRun;
  CpuScope scope = CpuScope::kProcess;
  u32 id = 0; // of the process or thread; 0: the caller's own

  constexpr bool operator==(const CpuClockId&) const = default;
};

/// A negative number whose low three bits are these is a descriptor's (of a clock device).
constexpr bool is_descriptor_clock(i32 clock) { return clock < 0 && (clock & 7) == 3; }

/// nullopt: a clock of another kind, or a number that no clock has.
constexpr std::optional<CpuClockId> cpu_clock(i32 clock) {
  if (clock == kClockProcessCpu) return CpuClockId{};
  if (clock == kClockThreadCpu) return CpuClockId{.scope = CpuScope::kThread};
  const u32 which = static_cast<u32>(clock) & 3;
  if (clock >= 0 || which >= kNrCpuClocks) return std::nullopt;
  return CpuClockId{static_cast<CpuClock>(which), (clock & 4) != 0 ? CpuScope::kThread : CpuScope::kProcess,
                    static_cast<u32>(~(clock >> 3))};
}

/// A processor-time clock, or a number that looks like one.
constexpr bool is_cpu_clock(i32 clock) {
  return clock == kClockProcessCpu || clock == kClockThreadCpu || (clock < 0 && !is_descriptor_clock(clock));
}

} // namespace runnel::user
