// SPDX-License-Identifier: Apache-2.0
// The readers of the parts of a scenario: global, attributes, tasks with phases, events. Internal to
// qemu/scenario.
#pragma once

#include "qemu/scenario/context.hpp"
#include "qemu/scenario/model.hpp"

#include <map>
#include <string>

namespace runnel::scenario {

struct Reader {
  Reader(Context& c, Scenario& s) : context(c), scenario(s) {}

  Context& context;
  Scenario& scenario;
  u32 machine_cpus = kMaxScenarioCpus;
  std::optional<u32> smp;              // the command line's number of CPUs
  std::string cpus_from = "the limit"; // who says machine_cpus
  Policy default_policy = Policy::kOther;
  std::map<std::string, u32, std::less<>> task_index; // filled before the first task is read
  std::vector<bool> timer_absolute;                   // shared timers, by index
  u32 phases = 0, events = 0;                         // so far, over all tasks
};

/// What one task's events share.
struct TaskScope {
  u32 instances = 1;
  std::vector<std::string> own_timers;
  std::vector<bool> own_timer_absolute;
};

void read_global(Reader& reader, const JsonValue& global);
/// rt-app creates resources when an event names them; the section is only checked.
void read_resources(Reader& reader, const JsonValue& resources);
void read_tasks(Reader& reader, const JsonMember& tasks);

enum class Level : u8 { kTask, kPhase };
/// `before`: what holds where nothing is said. At the level of a task `sched` is always set.
Attributes read_attributes(Reader& reader, const JsonValue& object, const SchedParams& before, Level level);
/// An array of CPU numbers as a mask; CPUs the machine does not have are errors.
std::optional<u64> read_cpus(Reader& reader, const JsonValue& value);
/// The key `member` is "expect", of a task or of the whole run.
void read_expect(Reader& reader, const JsonMember& member, std::optional<u32> task);
bool is_attribute(std::string_view key);
std::optional<Policy> read_policy(Reader& reader, const JsonValue& value);

/// Whether `key` names an event: an event's name, alone or followed by something that is no lower-case letter
/// ("run", "run0", "timer_a", "sleep 2"; not "running").
bool is_event(std::string_view key);
/// All events among the members, in order. Members that are none are the caller's business.
std::vector<Event> read_events(Reader& reader, TaskScope& task, const JsonValue& object);
/// Timers are absolute when any event says so, as in rt-app: gives every event its timer's mode. Last.
void settle_timer_modes(Reader& reader, TaskScope& task, std::vector<Phase>& phases);

/// Names of all events, for suggestions.
std::span<const std::string_view> event_names();

} // namespace runnel::scenario
