// SPDX-License-Identifier: Apache-2.0
// Expectations: what a scenario says its run must have shown. "expect" : { METRIC : BOUND, ... } stands at
// the top level (about the whole run) or in a task (about its threads). docs/scenarios.md lists metrics and
// bounds; qemu/report/verdict.hpp judges.
#pragma once

#include "qemu/scenario/message.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace runnel::scenario {

enum class Metric : u8 {
  kWakeupP50,
  kWakeupP99,
  kWakeupMax,
  kResponseMax,
  kSlackMin,
  kLatenessMax,
  kLockWaitMax,
  kShare,
  kLoops,
  kRunTime,
  kWakeups,
  kJobs,
  kDeadlineMisses,
  kOverruns,
  kPreemptions,
  kMigrations,
  kMisuses,
  kNeverOnCpus,
  kThreads,
  kSwitches,
  kForksRefused,
  kWall,
  kBusy,
  kEnded,
};

/// How the values of several threads become one.
enum class Combine : u8 {
  kEach, // every thread must satisfy the bound by itself
  kSum,
  kRun, // a figure of the whole run; only at the top level
};

enum class BoundKind : u8 {
  kNumber, // a number, or an object of below, above, is + within, exactly
  kCpus,   // an array of CPU numbers
  kEnding, // "duration", "finished" or "stalled"
};

struct MetricInfo {
  std::string_view name;
  Metric metric;
  Combine combine;
  BoundKind bound;
  double min, max; // values it can have, in its unit
};

std::span<const MetricInfo> metrics();
const MetricInfo& info(Metric metric);

/// All that are set must hold.
struct Bound {
  std::optional<double> below, above; // strictly
  std::optional<double> is;           // with `within`; exactly when within is 0
  double within = 0;

  bool holds(double value) const;
  /// How far a value is from satisfying it; 0 when it does, and just above 0 at a strict bound.
  double missed_by(double value) const;
};
/// "below 500", "25 within 1", "exactly 0"
std::string to_string(const Bound& bound);

struct Expectation {
  std::optional<u32> task; // index; none: the whole run
  Metric metric{};
  Bound bound;
  u64 cpus = 0;       // kCpus
  std::string ending; // kEnding
  Place at;
};

} // namespace runnel::scenario
