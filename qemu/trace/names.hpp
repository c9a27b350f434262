// SPDX-License-Identifier: Apache-2.0
// What events, states and reasons are called, and what the numbers they carry mean. The one home of these
// words: the text, the JSON and the page all take them from here.
#pragma once

#include "kernel/lib/trace_event.hpp"
#include "kernel/lib/types.hpp"

#include <string>
#include <string_view>

namespace runnel::qemu {

/// What a number is, so that it can be shown.
enum class Unit : u8 {
  kNothing, // the field is not used
  kNumber,
  kDuration, // ns, signed
  kVirtual,  // ns of virtual time, signed
  kInstant,  // absolute ns of the guest's clock
  kCpu,
  kPid,
  kPriority,
};

struct FieldName {
  std::string_view label = {};
  Unit unit = Unit::kNothing;
};

/// Why a task was picked: a short name, a sentence, and the values that decided.
struct ReasonName {
  std::string_view name, why;
  FieldName a, b;
};

inline constexpr u32 kReasons = static_cast<u32>(trace::PickReason::kExt) + 1;
/// Reasons that this tool does not know are "unknown".
const ReasonName& name_of(trace::PickReason reason);
/// "deadline - V = -1500000 ns, lag = 20000 ns"; empty when the reason has no values.
std::string values_of(trace::PickReason reason, u64 a, u64 b);
/// "1500000 ns", "cpu 3", ...
std::string show(Unit unit, u64 value);

/// As Linux's tracepoint, or as close to one as there is: "sched_switch", "dl_throttle". "event 77" is
/// unknown.
std::string name_of(trace::EventType type);

/// "R", "S", ... "R+" for a task that was preempted; several bits joined by '|' (spec 8.2).
std::string state_letters(u32 prev_state);
inline constexpr u32 kStatePreempted = 0x100;
inline constexpr u32 kStateExitDead = 0x10;
inline constexpr u32 kStateIdle = 0x80;
/// A task that left its CPU with this prev_state still wants to run.
constexpr bool stays_queued(u32 prev_state) { return prev_state == 0 || (prev_state & kStatePreempted) != 0; }

/// "timer", "ipi:reschedule", "device 33": what came in with a kIrqEntry.
std::string interrupt_name(u64 kind, u64 number);

/// "deadline", "rt 50", "fair nice 5": what an internal priority means.
std::string priority_name(int prio);

} // namespace runnel::qemu
