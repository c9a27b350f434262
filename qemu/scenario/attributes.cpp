// SPDX-License-Identifier: Apache-2.0
// Scheduling attributes of tasks and phases: cpus, policy, priority, nice, slice, dl-*; and rt-app's that
// have no effect here.
#include "qemu/scenario/reader.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace runnel::scenario {

namespace {

struct PolicyName {
  std::string_view name;
  Policy policy;
};
constexpr std::array kPolicies = {
    PolicyName{"SCHED_OTHER", Policy::kOther},  PolicyName{"SCHED_BATCH", Policy::kBatch},
    PolicyName{"SCHED_IDLE", Policy::kIdle},    PolicyName{"SCHED_RR", Policy::kRr},
    PolicyName{"SCHED_FIFO", Policy::kFifo},    PolicyName{"SCHED_DEADLINE", Policy::kDeadline},
    PolicyName{"SCHED_NORMAL", Policy::kOther}, // the kernel's name of SCHED_OTHER
};

constexpr std::array<std::string_view, 15> kAttributeKeys = {
    "cpus",       "policy",      "priority",      "nice",          "slice",
    "dl-runtime", "dl-deadline", "dl-period",     "deadline",      "period",
    "util_min",   "util_max",    "membind_nodes", "nodes_membind", "taskgroup"};

constexpr i32 kDefaultRtPriority = 10; // rt-app's
// What sched_setattr accepts (spec sched_core 5.2, 3.10), in microseconds.
constexpr i64 kMinDlRuntime = 2, kMinDlPeriod = 100, kMaxDlPeriod = 4'194'304;
constexpr i64 kMinSlice = 100, kMaxSlice = 100'000;

bool is_fair(Policy policy) {
  return policy == Policy::kOther || policy == Policy::kBatch || policy == Policy::kIdle;
}
bool is_realtime(Policy policy) { return policy == Policy::kRr || policy == Policy::kFifo; }
std::string_view name_of(Policy policy) {
  return std::ranges::find(kPolicies, policy, &PolicyName::policy)->name;
}

void check_no_effect(Reader& reader, const JsonMember& member) {
  Context& context = reader.context;
  if (member.key.starts_with("util_")) {
    if (!context.integer(member.value, 0, 1024, "a utilisation clamp")) return;
  } else if (member.key == "taskgroup") {
    const auto group = context.string(member.value, "a task group");
    if (group && !group->empty() && !group->starts_with('/'))
      return context.error(member.value.at, fmt::format("task group \"{}\" must begin with /", *group));
  } else if (member.value.kind != JsonValue::Kind::kArray) {
    return context.error(member.value.at,
                         fmt::format("expected node numbers, an array, not {}", describe(member.value)));
  }
  context.warning(member.at, "known to rt-app, without effect here");
}

/// The attributes at one place. The policy is known before any other key is looked at.
class AttributesReader {
 public:
  AttributesReader(Reader& reader, const JsonValue& object, const SchedParams& before, Level level)
      : reader_(reader), context_(reader.context), object_(object), level_(level), params_(before) {}

  Attributes read() {
    read_policy_key();
    for (const JsonMember& member : object_.members) {
      if (!is_attribute(member.key) || member.key == "policy") continue;
      const Context::Scope scope(context_, member.key);
      if (member.key == "cpus")
        out_.cpus = read_cpus(reader_, member.value);
      else if (member.key == "priority" || member.key == "nice")
        priority(member);
      else if (member.key == "slice")
        slice(member);
      else if (member.key == "dl-runtime" || member.key == "dl-deadline" || member.key == "dl-period")
        deadline_time(member);
      else if (member.key == "period" || member.key == "deadline")
        old_name(member);
      else
        check_no_effect(reader_, member);
    }
    settle();
    if (given_ || level_ == Level::kTask) out_.sched = params_;
    return std::move(out_);
  }

 private:
  void read_policy_key() {
    const JsonMember* member = find(object_, "policy");
    if (member == nullptr) return;
    given_ = true;
    const Context::Scope scope(context_, member->key);
    const auto policy = read_policy(reader_, member->value);
    if (policy) params_.policy = *policy;
  }

  std::optional<i64> integer(const JsonMember& member, i64 min, i64 max, std::string_view what) {
    given_ = true;
    return context_.integer(member.value, min, max, what);
  }

  void priority(const JsonMember& member) {
    if (priority_given_)
      return context_.error(member.at, "\"priority\" and \"nice\" are the same thing here: give one");
    priority_given_ = true;
    const Policy policy = params_.policy;
    if (member.key == "nice" && !is_fair(policy))
      return context_.error(member.at,
                            fmt::format("{} has no nice value, {}", name_of(policy),
                                        is_realtime(policy) ? "use \"priority\" (1 to 99)" : "leave it out"));
    if (is_fair(policy)) {
      const auto nice =
          integer(member, -20, 19,
                  policy == Policy::kIdle ? "a nice value (without effect on SCHED_IDLE)" : "a nice value");
      if (nice) params_.nice = static_cast<i32>(*nice);
    } else if (is_realtime(policy)) {
      if (const auto value = integer(member, 1, 99, "a real-time priority"))
        params_.priority = static_cast<i32>(*value);
    } else {
      integer(member, 0, 0, "the priority of SCHED_DEADLINE");
    }
  }

  void slice(const JsonMember& member) {
    if (!is_fair(params_.policy))
      return context_.error(member.at,
                            fmt::format("{} takes no slice; SCHED_OTHER, SCHED_BATCH and SCHED_IDLE do",
                                        name_of(params_.policy)));
    if (slice_given_)
      return context_.error(member.at, "\"slice\" and \"dl-runtime\" are the same thing here: give one");
    slice_given_ = true;
    if (const auto us = integer(member, kMinSlice, kMaxSlice, "microseconds"))
      params_.slice_ns = static_cast<u64>(*us) * 1000;
  }

  /// For a fair policy "dl-runtime" is the custom slice (rt-app, Linux 6.12), clamped as the kernel does.
  void runtime_as_slice(const JsonMember& member) {
    if (slice_given_)
      return context_.error(member.at, "\"slice\" and \"dl-runtime\" are the same thing here: give one");
    slice_given_ = true;
    const auto us = integer(member, 0, i64{kMaxMicroseconds}, "microseconds");
    if (!us) return;
    const i64 used = *us == 0 ? 0 : std::clamp(*us, kMinSlice, kMaxSlice);
    if (used != *us)
      context_.warning(member.value.at,
                       fmt::format("as a slice of {} it becomes {} us, the {} there is",
                                   name_of(params_.policy), used, used < *us ? "longest" : "shortest"));
    params_.slice_ns = static_cast<u64>(used) * 1000;
  }

  void deadline_time(const JsonMember& member) {
    const Policy policy = params_.policy;
    if (is_fair(policy) && member.key == "dl-runtime") return runtime_as_slice(member);
    if (policy != Policy::kDeadline) {
      integer(member, 0, i64{kMaxMicroseconds}, "microseconds");
      return context_.warning(member.at, fmt::format("without effect on {}", name_of(policy)));
    }
    if (member.key == "dl-runtime")
      time(member, kMinDlRuntime, params_.dl_runtime_ns, runtime_given_);
    else if (member.key == "dl-deadline")
      time(member, kMinDlRuntime, params_.dl_deadline_ns, deadline_given_);
    else
      time(member, kMinDlPeriod, params_.dl_period_ns, period_given_);
  }

  void time(const JsonMember& member, i64 min, u64& ns, bool& given) {
    given = true;
    if (const auto us = integer(member, min, kMaxDlPeriod, "microseconds")) ns = static_cast<u64>(*us) * 1000;
  }

  /// "period" and "deadline" of a task: what dl-period and dl-deadline were called once.
  void old_name(const JsonMember& member) {
    if (level_ == Level::kPhase)
      return context_.warning(member.at,
                              fmt::format("has no meaning in a phase, did you mean \"dl-{}\"?", member.key));
    const std::string new_name = "dl-" + member.key;
    if (find(object_, new_name) != nullptr)
      return context_.error(member.at,
                            fmt::format("\"{}\" is the old name of \"{}\": give one", member.key, new_name));
    JsonMember renamed = member;
    renamed.key = new_name;
    deadline_time(renamed);
  }

  /// rt-app's defaults: the period is the deadline or else the runtime, the deadline is the period; a
  /// real-time priority is 10. Then what the classes demand.
  void settle() {
    if (is_realtime(params_.policy) && params_.priority == 0) params_.priority = kDefaultRtPriority;
    if (params_.policy != Policy::kDeadline || !(given_ || level_ == Level::kTask)) return;
    if (params_.dl_runtime_ns == 0) {
      if (!runtime_given_)
        context_.error(object_.at, fmt::format("SCHED_DEADLINE needs \"dl-runtime\" (microseconds, from {})",
                                               kMinDlRuntime));
      return;
    }
    if (params_.dl_period_ns == 0 || (runtime_given_ && !period_given_))
      params_.dl_period_ns = deadline_given_ ? params_.dl_deadline_ns : params_.dl_runtime_ns;
    if (params_.dl_deadline_ns == 0 || !deadline_given_) params_.dl_deadline_ns = params_.dl_period_ns;
    const u64 runtime = params_.dl_runtime_ns / 1000, deadline = params_.dl_deadline_ns / 1000,
              period = params_.dl_period_ns / 1000;
    if (runtime > deadline || deadline > period)
      context_.error(
          object_.at,
          fmt::format("needs dl-runtime <= dl-deadline <= dl-period, but they are {}, {} and {} us", runtime,
                      deadline, period));
    else if (period < u64{kMinDlPeriod})
      context_.error(object_.at, fmt::format("the period is {} us: \"dl-period\" is at least {} us", period,
                                             kMinDlPeriod));
  }

  Reader& reader_;
  Context& context_;
  const JsonValue& object_;
  const Level level_;
  SchedParams params_;
  Attributes out_;
  bool given_ = false; // any key of sched_setattr
  bool priority_given_ = false, slice_given_ = false;
  bool runtime_given_ = false, deadline_given_ = false, period_given_ = false;
};

} // namespace

std::optional<u64> read_cpus(Reader& reader, const JsonValue& value) {
  Context& context = reader.context;
  if (value.kind != JsonValue::Kind::kArray) {
    context.error(value.at,
                  fmt::format("expected CPU numbers, an array like [0, 2], not {}", describe(value)));
    return std::nullopt;
  }
  if (value.items.empty()) context.error(value.at, "no CPU in it; leave the key out to allow all");
  u64 mask = 0;
  for (usize i = 0; i < value.items.size(); ++i) {
    const Context::Scope scope(context, fmt::format("[{}]", i));
    const auto cpu = context.integer(value.items[i], 0, i64{kMaxScenarioCpus} - 1, "a CPU number");
    if (!cpu) continue;
    if (*cpu >= i64{reader.machine_cpus})
      context.error(value.items[i].at, fmt::format("the machine has CPUs 0 to {} only ({})",
                                                   reader.machine_cpus - 1, reader.cpus_from));
    mask |= u64{1} << *cpu;
  }
  return mask;
}

bool is_attribute(std::string_view key) {
  return std::ranges::find(kAttributeKeys, key) != kAttributeKeys.end();
}

std::optional<Policy> read_policy(Reader& reader, const JsonValue& value) {
  static constexpr std::string_view kWanted =
      "SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_RR, SCHED_FIFO or SCHED_DEADLINE";
  const auto name = reader.context.string(value, kWanted);
  if (!name) return std::nullopt;
  const auto* const it = std::ranges::find(kPolicies, *name, &PolicyName::name);
  if (it != kPolicies.end()) return it->policy;
  reader.context.error(value.at, fmt::format("\"{}\" is no policy: expected {}", *name, kWanted));
  return std::nullopt;
}

Attributes read_attributes(Reader& reader, const JsonValue& object, const SchedParams& before, Level level) {
  return AttributesReader(reader, object, before, level).read();
}

} // namespace runnel::scenario
