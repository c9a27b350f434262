// SPDX-License-Identifier: Apache-2.0
// The sections "global" and "resources".
#include "qemu/scenario/reader.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace runnel::scenario {

namespace {

enum Kinds : u8 { kBool = 1, kInteger = 2, kString = 4 };

// rt-app's keys that say where its own files go or how it measures its own CPU: types are checked, nothing is
// done.
struct IgnoredKey {
  std::string_view name;
  u8 kinds;
  std::string_view wanted;
};
constexpr std::array kIgnored = {
    IgnoredKey{"calibration", kInteger | kString, "\"CPU<n>\" or an integer"},
    IgnoredKey{"cumulative_slack", kBool, "true or false"},
    IgnoredKey{"frag", kInteger, "an integer"},
    IgnoredKey{"ftrace", kBool | kString, "a string of categories"},
    IgnoredKey{"gnuplot", kBool, "true or false"},
    IgnoredKey{"io_device", kString, "a string"},
    IgnoredKey{"lock_pages", kBool, "true or false"},
    IgnoredKey{"log_basename", kString, "a string"},
    IgnoredKey{"log_size", kInteger | kString, "an integer, \"file\", \"auto\" or \"disable\""},
    IgnoredKey{"logdir", kString, "a string"},
    IgnoredKey{"mem_buffer_size", kInteger, "an integer"},
    IgnoredKey{"pi_enabled", kBool, "true or false"},
};
constexpr std::array<std::string_view, 15> kGlobalKeys = {
    "duration",     "cpus",     "default_policy", "calibration",     "cumulative_slack",
    "frag",         "ftrace",   "gnuplot",        "io_device",       "lock_pages",
    "log_basename", "log_size", "logdir",         "mem_buffer_size", "pi_enabled"};

u8 kind_of(const JsonValue& value) {
  switch (value.kind) {
  case JsonValue::Kind::kBool:
    return kBool;
  case JsonValue::Kind::kNumber:
    return value.integer ? kInteger : 0;
  case JsonValue::Kind::kString:
    return kString;
  default:
    return 0;
  }
}

void read_duration(Reader& reader, const JsonValue& value) {
  // rt-app takes whole seconds; a fraction is our own addition, for short tests.
  static constexpr double kLongest = 3600, kShortest = 0.001;
  static constexpr std::string_view kWanted =
      "expected seconds, a number from 0.001 to 3600, or -1 for \"until all threads end\"";
  if (value.kind != JsonValue::Kind::kNumber)
    return reader.context.error(value.at, fmt::format("{}, not {}", kWanted, describe(value)));
  if (value.integer == -1) return;
  if (!(value.number >= kShortest && value.number <= kLongest))
    return reader.context.error(value.at, fmt::format("{} is out of range: {}", value.text, kWanted));
  reader.scenario.duration_ns = static_cast<u64>(std::llround(value.number * 1e9));
}

void use_cpus(Reader& reader, u32 cpus) {
  reader.scenario.cpus = cpus;
  if (reader.smp) return;
  reader.machine_cpus = cpus;
  reader.cpus_from = fmt::format("global.cpus {}", cpus);
}

bool nothing_repeats(std::string_view) { return false; }

} // namespace

void read_global(Reader& reader, const JsonValue& global) {
  Context& context = reader.context;
  if (!context.object(global, "the parameters of the run")) return;
  context.refuse_repeats(global, nothing_repeats);
  std::vector<std::string_view> ignored;
  for (const JsonMember& member : global.members) {
    const Context::Scope scope(context, member.key);
    if (member.key == "duration") {
      read_duration(reader, member.value);
    } else if (member.key == "cpus") {
      if (const auto cpus =
              context.integer(member.value, 1, i64{kMaxScenarioCpus}, "the machine's number of CPUs"))
        use_cpus(reader, static_cast<u32>(*cpus));
    } else if (member.key == "default_policy") {
      if (const auto policy = read_policy(reader, member.value)) reader.default_policy = *policy;
    } else if (const auto it = std::ranges::find(kIgnored, member.key, &IgnoredKey::name);
               it != kIgnored.end()) {
      if ((kind_of(member.value) & it->kinds) == 0)
        context.error(member.value.at,
                      fmt::format("expected {}, not {}", it->wanted, describe(member.value)));
      ignored.push_back(member.key);
    }
  }
  for (const JsonMember& member : global.members)
    if (std::ranges::find(kGlobalKeys, member.key) == kGlobalKeys.end())
      context.unknown_key(member, kGlobalKeys);
  if (!ignored.empty())
    context.warning(global.at,
                    fmt::format("known to rt-app, without effect here: {}", fmt::join(ignored, ", ")));
}

void read_resources(Reader& reader, const JsonValue& resources) {
  if (!reader.context.object(resources, "rt-app's resources by name")) return;
  for (const JsonMember& member : resources.members) {
    const Context::Scope scope(reader.context, member.key);
    if (!reader.context.object(member.value, "one resource")) continue;
    if (const JsonMember* type = find(member.value, "type")) {
      const Context::Scope inner(reader.context, "type");
      reader.context.string(type->value, "the kind of resource");
    }
  }
}

} // namespace runnel::scenario
