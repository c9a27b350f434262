// SPDX-License-Identifier: Apache-2.0
// What events, states and reasons are called, and what the numbers they carry mean. The one home of these
// words: the text, the JSON and the page all take them from here.
#pragma once

#include "kernel/lib/trace_event.hpp"
#include "kernel/lib/types.hpp"

#include <string>
#include <string_view>
#include <utility>

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
/// How a page is told: "nothing", "number", "duration", ...
std::string_view to_string(Unit unit);
/// "1500000 ns", "cpu 3", ...
std::string show(Unit unit, u64 value);

/// An event: its name, as Linux's tracepoint or as close to one as there is, what it says, and what its two
/// plain values (see plain_values) are.
struct EventName {
  std::string_view name, what;
  FieldName a, b;
};
inline constexpr u32 kEvents = static_cast<u32>(trace::EventType::kMark) + 1;
/// Events that this tool does not know are "unknown".
const EventName& words_of(trace::EventType type);
/// "sched_switch", ..., "event 77" for an unknown one.
std::string name_of(trace::EventType type);
/// a and b of an event without what else is packed into them: the priority of a migrated task, say.
std::pair<u64, u64> plain_values(const trace::Event& event);
/// A server's events carry this bit instead of a pid.
inline constexpr u32 kServerPid = 1u << 31;

/// "R", "S", ... "R+" for a task that was preempted; several bits joined by '|' (spec 8.2).
std::string state_letters(u32 prev_state);
inline constexpr u32 kStatePreempted = 0x100;
inline constexpr u32 kStateExitDead = 0x10;
inline constexpr u32 kStateIdle = 0x80;
/// "was preempted", "went to sleep": why it left the CPU.
std::string_view state_meaning(u32 prev_state);
/// A task that left its CPU with this prev_state still wants to run.
constexpr bool stays_queued(u32 prev_state) { return prev_state == 0 || (prev_state & kStatePreempted) != 0; }

/// "timer", "ipi:reschedule", "device 33": what came in with a kIrqEntry.
std::string interrupt_name(u64 kind, u64 number);

/// "deadline", "rt 50", "fair nice 5": what an internal priority means.
std::string priority_name(int prio);

} // namespace runnel::qemu
