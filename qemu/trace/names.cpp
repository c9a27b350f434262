// SPDX-License-Identifier: Apache-2.0
#include "qemu/trace/names.hpp"

#include <array>
#include <fmt/format.h>

namespace runnel::qemu {
namespace {

using trace::EventType;
using trace::PickReason;

constexpr FieldName kDistance{"virtual deadline - V", Unit::kVirtual};
constexpr FieldName kLag{"lag", Unit::kVirtual};

// By number, PickReason::kNone first.
constexpr std::array<ReasonName, kReasons> kReasonNames = {{
    {"none", "no reason was recorded", {}, {}},
    {"stop", "the stopper has work, and nothing outranks it", {}, {}},
    {"only-one", "nothing else was runnable here", {}, {}},
    {"round-robin", "its turn: the class goes round its queue", {}, {}},
    {"pulled", "this CPU had nothing to run and took it from a busier one", {"from", Unit::kCpu}, {}},
    {"idle", "nothing was runnable", {}, {}},
    {"earliest-eligible", "of the tasks that are owed time (lag >= 0) it has the earliest virtual deadline",
     kDistance, kLag},
    {"protected",
     "it keeps the CPU until its protected slice is used up",
     {"protected until - its virtual time", Unit::kVirtual},
     kLag},
    {"buddy", "it is the next buddy: somebody asked for it to run next, and it is eligible", kDistance, kLag},
    {"current-best", "it was running, is still owed time and still has the earliest virtual deadline",
     kDistance, kLag},
    {"rt-highest",
     "it is at the head of the highest realtime priority that has tasks",
     {"realtime priority", Unit::kPriority},
     {"realtime tasks queued", Unit::kNumber}},
    {"earliest-deadline",
     "of the deadline tasks it has the earliest absolute deadline",
     {"absolute deadline", Unit::kInstant},
     {"runtime left", Unit::kDuration}},
    {"server",
     "a deadline server lets its class run, so that higher classes cannot starve it",
     {"the server's deadline", Unit::kInstant},
     {"the server's runtime left", Unit::kDuration}},
    {"proxy-owner",
     "it owns a mutex that a task which was picked is waiting for, and runs in its place",
     {"donor", Unit::kPid},
     {}},
    {"ext", "the loaded extension policy chose it", {}, {}},
}};
constexpr ReasonName kUnknown{
    "unknown", "a reason this tool does not know", {"a", Unit::kNumber}, {"b", Unit::kNumber}};

constexpr FieldName kRuntime{"runtime left", Unit::kDuration};
constexpr FieldName kDeadline{"deadline", Unit::kInstant};

// By number, EventType::kNone first.
constexpr std::array<EventName, kEvents> kEventNames = {{
    {"none", "nothing", {}, {}},
    {"task_name", "a task's name", {}, {}},
    {"sched_switch", "a CPU goes from one task to another", {}, {}},
    {"sched_waking", "a task is about to be woken", {"target", Unit::kCpu}, {}},
    {"sched_wakeup", "a task has become runnable", {"target", Unit::kCpu}, {}},
    {"sched_wakeup_new", "a new task has become runnable", {"target", Unit::kCpu}, {}},
    {"sched_migrate_task",
     "a task is about to belong to another CPU",
     {"from", Unit::kCpu},
     {"to", Unit::kCpu}},
    {"sched_process_exit", "a task ends", {"priority", Unit::kPriority}, {}},
    {"irq_entry", "an interrupt begins", {"kind", Unit::kNumber}, {"number", Unit::kNumber}},
    {"irq_exit", "an interrupt ends", {"kind", Unit::kNumber}, {"number", Unit::kNumber}},
    {"sched_pick", "a task was chosen", {}, {}},
    {"sched_stat_runtime", "running time was accounted", {"runtime", Unit::kDuration}, {}},
    {"sched_pi_setprio",
     "a task's priority changes, because it holds a lock that others want or no longer does",
     {"from priority", Unit::kPriority},
     {"to priority", Unit::kPriority}},
    {"sched_process_fork", "a task makes another", {"child", Unit::kPid}, {}},
    {"dl_replenish", "a deadline reservation gets its runtime back", kRuntime, kDeadline},
    {"dl_throttle", "a deadline reservation is used up: it has to wait for its next period", kRuntime,
     kDeadline},
    {"dl_server_start", "a deadline server begins to guard its class", kRuntime, kDeadline},
    {"dl_server_stop", "a deadline server has nothing to guard any more", {}, {}},
    {"deadline_miss",
     "a deadline was missed",
     {"the deadline", Unit::kInstant},
     {"late by", Unit::kDuration}},
    {"sched_wake_idle_without_ipi",
     "an idle CPU that polls was told to look, without an interrupt",
     {"target", Unit::kCpu},
     {}},
    {"sched_proxy", "a task runs on behalf of another", {"donor", Unit::kPid}, {}},
    {"mark", "a mark the scenario has set", {"number", Unit::kNumber}, {}},
}};
constexpr EventName kUnknownEvent{
    "unknown", "an event this tool does not know", {"a", Unit::kNumber}, {"b", Unit::kNumber}};

} // namespace

const ReasonName& name_of(PickReason reason) {
  const auto index = static_cast<std::size_t>(reason);
  return index < kReasonNames.size() ? kReasonNames[index] : kUnknown;
}

std::string_view to_string(Unit unit) {
  static constexpr std::array<std::string_view, 8> kNames = {"nothing", "number", "duration", "virtual",
                                                             "instant", "cpu",    "pid",      "priority"};
  return kNames[static_cast<std::size_t>(unit)];
}

std::string show(Unit unit, u64 value) {
  switch (unit) {
  case Unit::kNothing:
    return {};
  case Unit::kNumber:
    return fmt::format("{}", value);
  case Unit::kDuration:
  case Unit::kVirtual:
    return fmt::format("{} ns", static_cast<i64>(value));
  case Unit::kInstant:
    return fmt::format("{} ns", value);
  case Unit::kCpu:
    return fmt::format("cpu {}", value);
  case Unit::kPid:
    return fmt::format("pid {}", value);
  case Unit::kPriority:
    return fmt::format("{}", static_cast<i64>(value));
  }
  return {};
}

std::string values_of(PickReason reason, u64 a, u64 b) {
  const ReasonName& name = name_of(reason);
  std::string out;
  if (name.a.unit != Unit::kNothing) out = fmt::format("{} = {}", name.a.label, show(name.a.unit, a));
  if (name.b.unit != Unit::kNothing) out += fmt::format(", {} = {}", name.b.label, show(name.b.unit, b));
  return out;
}

const EventName& words_of(EventType type) {
  const auto index = static_cast<std::size_t>(type);
  return index < kEventNames.size() ? kEventNames[index] : kUnknownEvent;
}

std::string name_of(EventType type) {
  const auto index = static_cast<std::size_t>(type);
  return index < kEventNames.size() ? std::string(kEventNames[index].name) : fmt::format("event {}", index);
}

std::pair<u64, u64> plain_values(const trace::Event& event) {
  switch (event.type) {
  case EventType::kSchedWaking:
  case EventType::kSchedWakeup:
  case EventType::kSchedWakeupNew:
  case EventType::kSchedMigrateTask:
    return {trace::packed_low(event.a), event.b};
  case EventType::kProcessExit:
    return {static_cast<u64>(trace::packed_prio(event.a)), 0};
  default:
    return {event.a, event.b};
  }
}

std::string_view state_meaning(u32 prev_state) {
  if ((prev_state & kStatePreempted) != 0) return "was preempted";
  switch (prev_state) {
  case 0:
    return "yielded: it still wanted to run";
  case 1:
    return "went to sleep (interruptible)";
  case 2:
    return "waits (uninterruptible)";
  case 4:
  case 8:
    return "was stopped";
  case kStateExitDead:
  case 0x20:
    return "ended";
  case 0x40:
    return "was parked";
  case kStateIdle:
    return "is idle or ended";
  default:
    return "left";
  }
}

std::string state_letters(u32 prev_state) {
  static constexpr std::string_view kLetters = "SDTtXZPI"; // bits 0 to 7
  std::string out;
  for (std::size_t bit = 0; bit < kLetters.size(); ++bit)
    if ((prev_state >> bit & 1) != 0) {
      if (!out.empty()) out += '|';
      out += kLetters[bit];
    }
  if (out.empty()) out = "R";
  if ((prev_state & kStatePreempted) != 0) out += '+';
  return out;
}

std::string interrupt_name(u64 kind, u64 number) {
  static constexpr std::array<std::string_view, 4> kIpis = {"reschedule", "call-function", "irq-work",
                                                            "stop"};
  if (kind == 0) return "timer";
  if (kind == 1)
    return number < kIpis.size() ? fmt::format("ipi:{}", kIpis[number]) : fmt::format("ipi {}", number);
  return fmt::format("device {}", number);
}

std::string priority_name(int prio) {
  if (prio < 0) return "deadline";
  if (prio < 100) return fmt::format("rt {}", 99 - prio);
  return fmt::format("fair, nice {}", prio - 120);
}

} // namespace runnel::qemu
