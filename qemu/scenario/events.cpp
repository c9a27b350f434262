// SPDX-License-Identifier: Apache-2.0
// The events of a phase: what a thread does, in the order of the file.
#include "qemu/scenario/reader.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace runnel::scenario {

namespace {

enum class Shape : u8 {
  kTime,      // integer, microseconds
  kMutex,     // name of a mutex
  kCondition, // name of a condition
  kWait,      // {"ref": condition, "mutex": name}
  kTimer,     // {"ref": name, "period": us, "mode": ...}
  kBarrier,
  kSemaphore,
  kTask,    // name of a task
  kAnyText, // a string that is ignored
  kNumber,  // an integer
  kNothing, // known, not executed
};

struct EventName {
  std::string_view name;
  Shape shape;
  EventKind kind{};
};

constexpr std::array kEvents = {
    EventName{"runtime", Shape::kTime, EventKind::kRuntime},
    EventName{"run", Shape::kTime, EventKind::kRun},
    EventName{"sleep", Shape::kTime, EventKind::kSleep},
    EventName{"timer", Shape::kTimer, EventKind::kTimer},
    EventName{"lock", Shape::kMutex, EventKind::kLock},
    EventName{"unlock", Shape::kMutex, EventKind::kUnlock},
    EventName{"wait", Shape::kWait, EventKind::kWait},
    EventName{"signal", Shape::kCondition, EventKind::kSignal},
    EventName{"broad", Shape::kCondition, EventKind::kBroadcast},
    EventName{"sync", Shape::kWait, EventKind::kSync},
    EventName{"barrier", Shape::kBarrier, EventKind::kBarrier},
    EventName{"suspend", Shape::kAnyText, EventKind::kSuspend},
    EventName{"resume", Shape::kTask, EventKind::kResume},
    EventName{"yield", Shape::kAnyText, EventKind::kYield},
    EventName{"fork", Shape::kTask, EventKind::kFork},
    EventName{"sem_post", Shape::kSemaphore, EventKind::kSemPost},
    EventName{"sem_wait", Shape::kSemaphore, EventKind::kSemWait},
    EventName{"mark", Shape::kNumber, EventKind::kMark},
    EventName{"memrun", Shape::kNothing},
    EventName{"mem", Shape::kNumber, EventKind::kMem},
    EventName{"iorun", Shape::kNothing},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kEvents.size()> names;
  for (usize i = 0; i < names.size(); ++i) names[i] = kEvents[i].name;
  return names;
}();

const EventName* event_of(std::string_view key) {
  for (const EventName& event : kEvents) {
    if (!key.starts_with(event.name)) continue;
    if (key.size() == event.name.size()) return &event;
    const char next = key[event.name.size()];
    if (next < 'a' || next > 'z') return &event;
  }
  return nullptr;
}

/// Index of the object of that name, made when it is new.
u32 intern(Context& context, Place at, std::vector<std::string>& names, const std::string& name,
           std::string_view kind) {
  const auto it = std::ranges::find(names, name);
  if (it != names.end()) return static_cast<u32>(it - names.begin());
  if (names.size() == kMaxObjects)
    context.error(at, fmt::format("more than {} {}", kMaxObjects, kind));
  else
    names.push_back(name);
  return static_cast<u32>(names.size() - 1);
}

std::string text_of(Context& context, const JsonValue& object, std::string_view key, std::string_view what) {
  const JsonMember* member = find(object, key);
  if (member == nullptr) return {};
  const Context::Scope scope(context, key);
  return context.string(member->value, what).value_or("");
}

template <usize N>
void warn_other_keys(Context& context, const JsonValue& object,
                     const std::array<std::string_view, N>& known) {
  context.refuse_repeats(object, [](std::string_view) { return false; });
  for (const JsonMember& member : object.members)
    if (std::ranges::find(known, member.key) == known.end()) context.unknown_key(member, known);
}

void read_wait(Reader& reader, const JsonValue& value, Event& event) {
  if (!reader.context.object(value, "{ \"ref\" : condition, \"mutex\" : name }")) return;
  warn_other_keys(reader.context, value, std::array<std::string_view, 2>{"ref", "mutex"});
  for (const std::string_view key : {"ref", "mutex"})
    if (find(value, key) == nullptr) reader.context.error(value.at, fmt::format("needs \"{}\", a name", key));
  const std::string ref = text_of(reader.context, value, "ref", "the name of a condition");
  const std::string mutex = text_of(reader.context, value, "mutex", "the name of a mutex");
  event.object = intern(reader.context, value.at, reader.scenario.conditions, ref, "conditions");
  event.mutex = intern(reader.context, value.at, reader.scenario.mutexes, mutex, "mutexes");
}

void read_timer(Reader& reader, TaskScope& task, const JsonValue& value, Event& event) {
  Context& context = reader.context;
  if (!context.object(value, "{ \"ref\" : name, \"period\" : microseconds }")) return;
  warn_other_keys(context, value, std::array<std::string_view, 3>{"ref", "period", "mode"});
  if (const JsonMember* period = find(value, "period")) {
    const Context::Scope scope(context, "period");
    if (const auto us = context.integer(period->value, 1, i64{kMaxMicroseconds}, "microseconds"))
      event.ns = static_cast<u64>(*us) * 1000;
  } else {
    context.error(value.at, "needs \"period\", microseconds");
  }
  if (find(value, "ref") == nullptr)
    context.warning(
        value.at,
        "no \"ref\": this timer is shared by all threads with such a timer; \"unique\" gives each its own");
  std::string ref = text_of(context, value, "ref", "the name of a timer");
  if (ref.empty()) ref = "unknown"; // rt-app's name for it
  const std::string mode = text_of(context, value, "mode", "\"relative\" or \"absolute\"");
  if (!mode.empty() && mode != "relative" && mode != "absolute") {
    const Context::Scope scope(context, "mode");
    context.error(find(value, "mode")->value.at,
                  fmt::format("\"{}\" is no mode: expected \"relative\" or \"absolute\"", mode));
  }
  const bool own = ref.starts_with("unique");
  event.scope = own ? TimerScope::kOwn : TimerScope::kShared;
  event.object = intern(context, value.at, own ? task.own_timers : reader.scenario.timers, ref, "timers");
  std::vector<bool>& absolute = own ? task.own_timer_absolute : reader.timer_absolute;
  if (absolute.size() <= event.object) absolute.resize(event.object + 1);
  if (mode == "absolute") absolute[event.object] = true;
}

/// False when the event is left out.
bool read_task_name(Reader& reader, const JsonValue& value, Event& event) {
  const auto name = reader.context.string(value, "the name of a task");
  if (!name) return false;
  if (const auto it = reader.task_index.find(*name); it != reader.task_index.end()) {
    event.object = it->second;
    return true;
  }
  std::vector<std::string_view> known;
  known.reserve(reader.task_index.size());
  for (const auto& [key, index] : reader.task_index) known.push_back(key);
  const std::string_view guess = nearest(*name, known);
  std::string text = fmt::format("there is no task \"{}\"", *name);
  if (!guess.empty()) text += fmt::format(", did you mean \"{}\"?", guess);
  if (event.kind == EventKind::kResume) // rt-app signals a condition nobody waits on; its own examples do it
    reader.context.warning(value.at, text + "; wakes nobody, left out");
  else
    reader.context.error(value.at, std::move(text));
  return false;
}

void read_barrier(Reader& reader, const TaskScope& task, const JsonValue& value, Event& event) {
  const auto name = reader.context.string(value, "the name of a barrier");
  if (!name) return;
  Scenario& scenario = reader.scenario;
  event.object = intern(reader.context, value.at, scenario.barriers, *name, "barriers");
  scenario.barrier_users.resize(scenario.barriers.size());
  // One user for each mention and instance, as rt-app counts.
  u32& users = scenario.barrier_users[event.object];
  users += task.instances;
  if (users > kMaxThreads)
    reader.context.error(
        value.at, fmt::format("{} threads would have to meet there, the limit is {}", users, kMaxThreads));
}

bool read_event(Reader& reader, TaskScope& task, const EventName& name, const JsonMember& member,
                Event& event) {
  Context& context = reader.context;
  Scenario& scenario = reader.scenario;
  const JsonValue& value = member.value;
  const auto named = [&](std::vector<std::string>& names, std::string_view what, std::string_view plural) {
    if (const auto text = context.string(value, what))
      event.object = intern(context, value.at, names, *text, plural);
    return true;
  };
  switch (name.shape) {
  case Shape::kTime:
    if (const auto us = context.integer(value, 0, i64{kMaxMicroseconds}, "microseconds"))
      event.ns = static_cast<u64>(*us) * 1000;
    return true;
  case Shape::kMutex:
    return named(scenario.mutexes, "the name of a mutex", "mutexes");
  case Shape::kCondition:
    return named(scenario.conditions, "the name of a condition", "conditions");
  case Shape::kSemaphore:
    return named(scenario.semaphores, "the name of a semaphore", "semaphores");
  case Shape::kWait:
    return read_wait(reader, value, event), true;
  case Shape::kTimer:
    return read_timer(reader, task, value, event), true;
  case Shape::kBarrier:
    return read_barrier(reader, task, value, event), true;
  case Shape::kTask:
    return read_task_name(reader, value, event);
  case Shape::kAnyText:

    return value.kind == JsonValue::Kind::kAbsent ||
           context.string(value, "a string (it may be empty)").has_value();
  case Shape::kNumber:
    if (const auto number = context.integer(
            value, 0, kMaxNumber, name.kind == EventKind::kMem ? "bytes" : "a number to find in the trace"))
      event.number = static_cast<u64>(*number);
    return true;
  case Shape::kNothing:
    context.warning(member.at, "known to rt-app, not executed here");
    return false;
  }
  return false;
}

} // namespace

bool is_event(std::string_view key) { return event_of(key) != nullptr; }
std::span<const std::string_view> event_names() { return kNames; }

std::vector<Event> read_events(Reader& reader, TaskScope& task, const JsonValue& object) {
  std::vector<Event> events;
  for (const JsonMember& member : object.members) {
    const EventName* name = event_of(member.key);
    if (name == nullptr) continue;
    const Context::Scope scope(reader.context, member.key);
    Event event{.kind = name->kind};
    if (!read_event(reader, task, *name, member, event)) continue;
    if (++reader.events == kMaxEvents + 1)
      reader.context.error(member.at, fmt::format("more than {} events in all", kMaxEvents));
    events.push_back(event);
  }
  return events;
}

void settle_timer_modes(Reader& reader, TaskScope& task, std::vector<Phase>& phases) {
  for (Phase& phase : phases) {
    for (Event& event : phase.events) {
      if (event.kind != EventKind::kTimer) continue;
      const auto& absolute =
          event.scope == TimerScope::kOwn ? task.own_timer_absolute : reader.timer_absolute;
      event.mode = event.object < absolute.size() && absolute[event.object] ? TimerMode::kAbsolute
                                                                            : TimerMode::kRelative;
    }
  }
}

} // namespace runnel::scenario
