// SPDX-License-Identifier: Apache-2.0
// Scheduling attributes of tasks and phases: cpus, policy, priority, nice, dl-*; and rt-app's that have no
// effect here.
#include "qemu/scenario/reader.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace runnel::scenario {

namespace {

struct PolicyName {
  std::string_view name;
  Policy policy;
};
constexpr std::array kPolicies = {
    PolicyName{"SCHED_OTHER", Policy::kOther}, PolicyName{"SCHED_BATCH", Policy::kBatch},
    PolicyName{"SCHED_IDLE", Policy::kIdle},   PolicyName{"SCHED_RR", Policy::kRr},
    PolicyName{"SCHED_FIFO", Policy::kFifo},   PolicyName{"SCHED_DEADLINE", Policy::kDeadline},
};

constexpr std::array<std::string_view, 14> kAttributeKeys = {
    "cpus",     "policy", "priority", "nice",     "dl-runtime",    "dl-deadline",   "dl-period",
    "deadline", "period", "util_min", "util_max", "membind_nodes", "nodes_membind", "taskgroup"};

std::optional<u64> read_cpus(Reader& reader, const JsonValue& value) {
  Context& context = reader.context;
  if (value.kind != JsonValue::Kind::kArray) {
    context.error(value.line,
                  fmt::format("expected CPU numbers, an array like [0, 2], not {}", describe(value)));
    return std::nullopt;
  }
  if (value.items.empty())
    context.error(value.line, "no CPU is left to run on; leave the key out to allow all");
  u64 mask = 0;
  for (usize i = 0; i < value.items.size(); ++i) {
    const Context::Scope scope(context, fmt::format("[{}]", i));
    const auto cpu = context.integer(value.items[i], 0, i64{kMaxCpus} - 1, "a CPU number");
    if (!cpu) continue;
    if (*cpu >= i64{reader.machine_cpus})
      context.error(value.items[i].line, fmt::format("the machine has CPUs 0 to {} only (--smp {})",
                                                     reader.machine_cpus - 1, reader.machine_cpus));
    mask |= u64{1} << *cpu;
  }
  return mask;
}

std::optional<i32> read_priority(Reader& reader, const JsonValue& value, Policy policy) {
  const auto in = [&](i64 min, i64 max, std::string_view what) -> std::optional<i32> {
    const auto v = reader.context.integer(value, min, max, what);
    return v ? std::optional(static_cast<i32>(*v)) : std::nullopt;
  };
  switch (policy) {
  case Policy::kOther:
  case Policy::kBatch:
    return in(-20, 19, "a nice value");
  case Policy::kIdle:
    return in(-20, 19, "a nice value (without effect on SCHED_IDLE)");
  case Policy::kRr:
  case Policy::kFifo:
    return in(1, 99, "a real-time priority");
  case Policy::kDeadline:
    return in(0, 0, "the priority of SCHED_DEADLINE");
  }
  return std::nullopt;
}

void read_time(Reader& reader, const JsonValue& value, u64& ns) {
  if (const auto us = reader.context.integer(value, 0, i64{kMaxMicroseconds}, "microseconds"))
    ns = static_cast<u64>(*us) * 1000;
}

/// rt-app's defaults: the period is the runtime, the deadline is the period. Then what the class demands.
void settle_deadline(Reader& reader, const JsonValue& object, Attributes& out, Policy policy) {
  if (out.dl_period_ns == 0)
    out.dl_period_ns = out.dl_deadline_ns != 0 ? out.dl_deadline_ns : out.dl_runtime_ns;
  if (out.dl_deadline_ns == 0) out.dl_deadline_ns = out.dl_period_ns;
  if (policy != Policy::kDeadline) return;
  if (out.dl_runtime_ns == 0)
    return reader.context.error(object.line, "SCHED_DEADLINE needs \"dl-runtime\" (microseconds, above 0)");
  if (out.dl_runtime_ns > out.dl_deadline_ns || out.dl_deadline_ns > out.dl_period_ns)
    reader.context.error(
        object.line,
        fmt::format("needs dl-runtime <= dl-deadline <= dl-period, but they are {}, {} and {} us",
                    out.dl_runtime_ns / 1000, out.dl_deadline_ns / 1000, out.dl_period_ns / 1000));
}

void check_no_effect(Reader& reader, const JsonMember& member) {
  Context& context = reader.context;
  if (member.key.starts_with("util_")) {
    if (!context.integer(member.value, 0, 1024, "a utilisation clamp")) return;
  } else if (member.key == "taskgroup") {
    const auto group = context.string(member.value, "a task group");
    if (group && !group->empty() && !group->starts_with('/'))
      return context.error(member.value.line, fmt::format("task group \"{}\" must begin with /", *group));
  } else if (member.value.kind != JsonValue::Kind::kArray) {
    return context.error(member.value.line,
                         fmt::format("expected node numbers, an array, not {}", describe(member.value)));
  }
  context.warning(member.line, "known to rt-app, without effect here");
}

} // namespace

bool is_attribute(std::string_view key) {
  return std::ranges::find(kAttributeKeys, key) != kAttributeKeys.end();
}

std::optional<Policy> read_policy(Reader& reader, const JsonValue& value) {
  static constexpr std::string_view kWanted =
      "SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_RR, SCHED_FIFO or SCHED_DEADLINE";
  const auto name = reader.context.string(value, kWanted);
  if (!name) return std::nullopt;
  const auto it = std::ranges::find(kPolicies, *name, &PolicyName::name);
  if (it != kPolicies.end()) return it->policy;
  reader.context.error(value.line, fmt::format("\"{}\" is no policy: expected {}", *name, kWanted));
  return std::nullopt;
}

Attributes read_attributes(Reader& reader, const JsonValue& object, Policy inherited, Level level) {
  Attributes out;
  if (const JsonMember* member = find(object, "policy")) {
    const Context::Scope scope(reader.context, member->key);
    out.policy = read_policy(reader, member->value);
  }
  const Policy policy = out.policy.value_or(inherited);
  bool deadline_given = false;
  std::vector<std::string_view> not_in_force;
  if (out.policy && *out.policy != Policy::kOther) not_in_force.emplace_back("policy");
  for (const JsonMember& member : object.members) {
    if (!is_attribute(member.key) || member.key == "policy") continue;
    const Context::Scope scope(reader.context, member.key);
    if (member.key == "priority" || member.key == "nice" || member.key.starts_with("dl-"))
      not_in_force.push_back(member.key);
    const bool legacy = member.key == "period" || member.key == "deadline";
    if (legacy && level == Level::kPhase) {
      reader.context.warning(member.line,
                             fmt::format("has no meaning in a phase, did you mean \"dl-{}\"?", member.key));
    } else if (member.key == "cpus") {
      out.cpus = read_cpus(reader, member.value);
    } else if (member.key == "priority" || member.key == "nice") {
      if (out.priority)
        reader.context.error(member.line, "\"priority\" and \"nice\" are the same thing: give one");
      if (member.key == "nice" && policy != Policy::kOther && policy != Policy::kBatch &&
          policy != Policy::kIdle)
        reader.context.error(member.line,
                             "real-time and deadline threads have no nice value, use \"priority\"");
      else
        out.priority = read_priority(reader, member.value, policy);
    } else if (member.key == "dl-runtime") {
      read_time(reader, member.value, out.dl_runtime_ns), deadline_given = true;
    } else if (member.key == "dl-deadline" || member.key == "deadline") {
      read_time(reader, member.value, out.dl_deadline_ns), deadline_given = true;
    } else if (member.key == "dl-period" || member.key == "period") {
      read_time(reader, member.value, out.dl_period_ns), deadline_given = true;
    } else {
      check_no_effect(reader, member);
    }
  }
  if (!not_in_force.empty())
    reader.context.warning(
        object.line, fmt::format("read and passed on, but all threads run in one round-robin class yet: {}",
                                 fmt::join(not_in_force, ", ")));
  const bool becomes_deadline =
      out.policy == Policy::kDeadline || (level == Level::kTask && policy == Policy::kDeadline);
  if (deadline_given || becomes_deadline) settle_deadline(reader, object, out, policy);
  return out;
}

} // namespace runnel::scenario
