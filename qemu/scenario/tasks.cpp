// SPDX-License-Identifier: Apache-2.0
// The section "tasks": tasks, their phases, and the sums over all of them.
#include "qemu/scenario/reader.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace runnel::scenario {

namespace {

constexpr std::array<std::string_view, 5> kTaskKeys = {"instance", "loop", "delay", "phases", "expect"};
constexpr std::array<std::string_view, 11> kSuggestedAttributes = {
    "cpus",        "policy",    "priority", "nice",     "slice",    "dl-runtime",
    "dl-deadline", "dl-period", "util_min", "util_max", "taskgroup"};

std::optional<i64> read_loop(Reader& reader, const JsonValue& object) {
  const JsonMember* member = find(object, "loop");
  if (member == nullptr) return std::nullopt;
  const Context::Scope scope(reader.context, "loop");
  const auto loop = reader.context.integer(member->value, -1, kMaxLoops, "a number of passes (-1: for ever)");
  if (loop != 0) return loop;
  reader.context.error(member->value.at, "0 is out of range: expected -1 (for ever) or 1 and more passes");
  return std::nullopt;
}

i64 integer_or(Reader& reader, const JsonValue& object, std::string_view key, i64 max, std::string_view what,
               i64 otherwise) {
  const JsonMember* member = find(object, key);
  if (member == nullptr) return otherwise;
  const Context::Scope scope(reader.context, key);
  return reader.context.integer(member->value, 0, max, what).value_or(otherwise);
}

bool may_repeat(std::string_view key) { return is_event(key); }

void warn_misplaced(Reader& reader, const JsonMember& member) {
  const Context::Scope scope(reader.context, member.key);
  reader.context.warning(member.at, "belongs to the task, ignored in a phase");
}

void warn_unknown(Reader& reader, const JsonValue& object, bool (*known)(std::string_view), Level level) {
  std::vector<std::string_view> candidates(event_names().begin(), event_names().end());
  candidates.insert(candidates.end(), kSuggestedAttributes.begin(), kSuggestedAttributes.end());
  candidates.emplace_back("loop");
  if (level == Level::kTask) candidates.insert(candidates.end(), kTaskKeys.begin(), kTaskKeys.end());
  for (const JsonMember& member : object.members) {
    if (known(member.key)) continue;
    if (level == Level::kPhase && std::ranges::find(kTaskKeys, member.key) != kTaskKeys.end())
      warn_misplaced(reader, member);
    else
      reader.context.unknown_key(member, candidates);
  }
}

bool known_in_task(std::string_view key) {
  return is_event(key) || is_attribute(key) || std::ranges::find(kTaskKeys, key) != kTaskKeys.end();
}
bool known_in_phase(std::string_view key) { return is_event(key) || is_attribute(key) || key == "loop"; }

/// The events of `object` as one phase, its loop and attributes left at their defaults.
Phase read_steps(Reader& reader, TaskScope& task, const JsonValue& object, std::string name) {
  Phase phase;
  phase.name = std::move(name);
  const bool failed_before = reader.context.failed();
  phase.events = read_events(reader, task, object);
  const bool named = std::ranges::any_of(object.members, is_event, &JsonMember::key);
  if (phase.events.empty() && reader.context.failed() == failed_before)
    reader.context.error(object.at,
                         named ? "no event left that is executed here"
                               : "no event: expected at least one of run, runtime, sleep, timer, ...");
  if (++reader.phases == kMaxPhases + 1)
    reader.context.error(object.at, fmt::format("more than {} phases in all", kMaxPhases));
  return phase;
}

void read_phases(Reader& reader, TaskScope& scope, Task& task, const JsonMember& member) {
  Context& context = reader.context;
  const Context::Scope path(context, "phases");
  if (!context.object(member.value, "phases by name")) return;
  if (member.value.members.empty()) context.error(member.value.at, "no phase: expected at least one");
  SchedParams before = *task.attributes.sched;
  for (const JsonMember& entry : member.value.members) {
    const Context::Scope inner(context, entry.key);
    if (!context.object(entry.value, "a phase")) continue;
    context.refuse_repeats(entry.value, may_repeat);
    warn_unknown(reader, entry.value, known_in_phase, Level::kPhase);
    Phase phase = read_steps(reader, scope, entry.value, entry.key);
    phase.loop = read_loop(reader, entry.value).value_or(1);
    phase.attributes = read_attributes(reader, entry.value, before, Level::kPhase);
    before = phase.attributes.sched.value_or(before);
    task.phases.push_back(std::move(phase));
  }
}

void warn_beside_phases(Reader& reader, const JsonValue& object) {
  for (const JsonMember& member : object.members) {
    if (!is_event(member.key)) continue;
    const Context::Scope scope(reader.context, member.key);
    reader.context.warning(member.at, "ignored, because the task has \"phases\"");
  }
}

Task read_task(Reader& reader, TaskScope& scope, const JsonMember& member) {
  Context& context = reader.context;
  const JsonValue& object = member.value;
  Task task;
  task.name = member.key;
  context.refuse_repeats(object, may_repeat);
  warn_unknown(reader, object, known_in_task, Level::kTask);
  task.instances =
      static_cast<u32>(integer_or(reader, object, "instance", kMaxThreads, "a number of threads", 1));
  task.delay_ns =
      1000 * static_cast<u64>(integer_or(reader, object, "delay", i64{kMaxMicroseconds}, "microseconds", 0));
  task.attributes = read_attributes(reader, object, {.policy = reader.default_policy}, Level::kTask);
  if (const JsonMember* expect = find(object, "expect"))
    read_expect(reader, *expect, reader.task_index.find(member.key)->second);
  scope.instances = task.instances;
  const std::optional<i64> loop = read_loop(reader, object);
  if (const JsonMember* phases = find(object, "phases")) {
    warn_beside_phases(reader, object);
    read_phases(reader, scope, task, *phases);
    task.loop = loop.value_or(-1);
  } else {
    task.phases.push_back(read_steps(reader, scope, object, "main"));
    task.loop = loop.value_or(-1);
  }
  task.own_timers = static_cast<u32>(scope.own_timers.size());
  return task;
}

/// Fills task_index, so that tasks can name ones that come later; refuses what cannot be a task.
bool index_tasks(Reader& reader, const JsonMember& tasks) {
  Context& context = reader.context;
  if (!context.object(tasks.value, "tasks by name")) return false;
  context.refuse_repeats(tasks.value, [](std::string_view) { return false; });
  if (tasks.value.members.empty()) context.error(tasks.value.at, "no task: expected at least one");
  if (tasks.value.members.size() > kMaxTasks)
    context.error(tasks.value.at,
                  fmt::format("{} tasks, the limit is {}", tasks.value.members.size(), kMaxTasks));
  for (const JsonMember& member : tasks.value.members) {
    const Context::Scope scope(context, member.key);
    if (member.key.empty() || member.key.size() > kMaxNameLength)
      context.error(member.at, fmt::format("a task's name has 1 to {} characters", kMaxNameLength));
    context.object(member.value, "a task");
    reader.task_index.emplace(member.key, static_cast<u32>(reader.task_index.size()));
  }
  return !context.failed();
}

void check_threads(Reader& reader, const JsonMember& tasks) {
  u64 threads = 0;
  for (const Task& task : reader.scenario.tasks) threads += task.instances;
  if (threads > kMaxThreads)
    reader.context.error(tasks.at,
                         fmt::format("{} threads at the start, the limit is {}", threads, kMaxThreads));
  if (threads == 0) reader.context.error(tasks.at, "no thread at the start: every task has \"instance\" : 0");
}

} // namespace

void read_tasks(Reader& reader, const JsonMember& tasks) {
  const Context::Scope path(reader.context, "tasks");
  if (!index_tasks(reader, tasks)) return;
  std::vector<TaskScope> scopes(tasks.value.members.size());
  for (usize i = 0; i < scopes.size(); ++i) {
    const JsonMember& member = tasks.value.members[i];
    const Context::Scope inner(reader.context, member.key);
    reader.scenario.tasks.push_back(read_task(reader, scopes[i], member));
  }
  for (usize i = 0; i < scopes.size(); ++i)
    settle_timer_modes(reader, scopes[i], reader.scenario.tasks[i].phases);
  check_threads(reader, tasks);
}

} // namespace runnel::scenario
