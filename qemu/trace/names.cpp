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

constexpr std::array<std::string_view, 22> kEventNames = {
    "none",
    "task_name",
    "sched_switch",
    "sched_waking",
    "sched_wakeup",
    "sched_wakeup_new",
    "sched_migrate_task",
    "sched_process_exit",
    "irq_entry",
    "irq_exit",
    "sched_pick",
    "sched_stat_runtime",
    "sched_pi_setprio",
    "sched_process_fork",
    "dl_replenish",
    "dl_throttle",
    "dl_server_start",
    "dl_server_stop",
    "deadline_miss",
    "sched_wake_idle_without_ipi",
    "sched_proxy",
    "mark",
};
static_assert(kEventNames.size() == static_cast<std::size_t>(EventType::kMark) + 1);

} // namespace

const ReasonName& name_of(PickReason reason) {
  const auto index = static_cast<std::size_t>(reason);
  return index < kReasonNames.size() ? kReasonNames[index] : kUnknown;
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

std::string name_of(EventType type) {
  const auto index = static_cast<std::size_t>(type);
  return index < kEventNames.size() ? std::string(kEventNames[index]) : fmt::format("event {}", index);
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
