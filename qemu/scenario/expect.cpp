// SPDX-License-Identifier: Apache-2.0
// The grammar of "expect", and the arithmetic of bounds.
#include "qemu/scenario/expect.hpp"

#include "qemu/scenario/reader.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace runnel::scenario {

namespace {

constexpr double kMaxTime = 3.6e9; // one hour in us
constexpr double kMaxCount = 1e15; // more than an hour of anything
constexpr double kMaxPercent = 100;

constexpr std::array kMetrics = {
    MetricInfo{"wakeup_p50_us", Metric::kWakeupP50, Combine::kEach, BoundKind::kNumber, 0, kMaxTime},
    MetricInfo{"wakeup_p99_us", Metric::kWakeupP99, Combine::kEach, BoundKind::kNumber, 0, kMaxTime},
    MetricInfo{"wakeup_max_us", Metric::kWakeupMax, Combine::kEach, BoundKind::kNumber, 0, kMaxTime},
    MetricInfo{"response_max_us", Metric::kResponseMax, Combine::kEach, BoundKind::kNumber, 0, kMaxTime},
    MetricInfo{"slack_min_us", Metric::kSlackMin, Combine::kEach, BoundKind::kNumber, -kMaxTime, kMaxTime},
    MetricInfo{"lateness_max_us", Metric::kLatenessMax, Combine::kEach, BoundKind::kNumber, 0, kMaxTime},
    MetricInfo{"lock_wait_max_us", Metric::kLockWaitMax, Combine::kEach, BoundKind::kNumber, 0, kMaxTime},
    MetricInfo{"share_percent", Metric::kShare, Combine::kEach, BoundKind::kNumber, 0, kMaxPercent},
    MetricInfo{"loops", Metric::kLoops, Combine::kEach, BoundKind::kNumber, 0, kMaxCount},
    MetricInfo{"run_time_us", Metric::kRunTime, Combine::kSum, BoundKind::kNumber, 0, kMaxCount},
    MetricInfo{"wakeups", Metric::kWakeups, Combine::kSum, BoundKind::kNumber, 0, kMaxCount},
    MetricInfo{"jobs", Metric::kJobs, Combine::kSum, BoundKind::kNumber, 0, kMaxCount},
    MetricInfo{"deadline_misses", Metric::kDeadlineMisses, Combine::kSum, BoundKind::kNumber, 0, kMaxCount},
    MetricInfo{"overruns", Metric::kOverruns, Combine::kSum, BoundKind::kNumber, 0, kMaxCount},
    MetricInfo{"preemptions", Metric::kPreemptions, Combine::kSum, BoundKind::kNumber, 0, kMaxCount},
    MetricInfo{"migrations", Metric::kMigrations, Combine::kSum, BoundKind::kNumber, 0, kMaxCount},
    MetricInfo{"misuses", Metric::kMisuses, Combine::kSum, BoundKind::kNumber, 0, kMaxCount},
    MetricInfo{"never_on_cpus", Metric::kNeverOnCpus, Combine::kEach, BoundKind::kCpus, 0, 0},
    MetricInfo{"threads", Metric::kThreads, Combine::kRun, BoundKind::kNumber, 0, kMaxThreads},
    MetricInfo{"switches", Metric::kSwitches, Combine::kRun, BoundKind::kNumber, 0, kMaxCount},
    MetricInfo{"forks_refused", Metric::kForksRefused, Combine::kRun, BoundKind::kNumber, 0, kMaxCount},
    MetricInfo{"wall_us", Metric::kWall, Combine::kRun, BoundKind::kNumber, 0, kMaxTime},
    MetricInfo{"busy_percent", Metric::kBusy, Combine::kRun, BoundKind::kNumber, 0, kMaxPercent},
    MetricInfo{"ended", Metric::kEnded, Combine::kRun, BoundKind::kEnding, 0, 0},
};

constexpr std::array<std::string_view, 5> kBoundKeys = {"below", "above", "is", "within", "exactly"};
constexpr std::array<std::string_view, 3> kEndings = {"duration", "finished", "stalled"};

class ExpectReader {
 public:
  ExpectReader(Reader& reader, const MetricInfo& metric) : context_(reader.context), metric_(metric) {}

  void read_bound(const JsonValue& value, Bound& out) {
    if (value.kind == JsonValue::Kind::kNumber) {
      out.is = number(value);
      return;
    }
    if (value.kind != JsonValue::Kind::kObject)
      return context_.error(
          value.at, fmt::format("expected a number (exactly that), or an object of below, above, exactly, or "
                                "is with within, like {{ \"below\" : 500 }}, not {}",
                                describe(value)));
    context_.refuse_repeats(value, [](std::string_view) { return false; });
    bool within_given = false, known = true;
    for (const JsonMember& member : value.members) {
      const Context::Scope scope(context_, member.key);
      if (member.key == "below")
        out.below = number(member.value);
      else if (member.key == "above")
        out.above = number(member.value);
      else if (member.key == "is" || member.key == "exactly")
        out.is = number(member.value);
      else if (member.key == "within")
        within_given = true, out.within = width(member.value);
      else
        known = false, unknown_bound(member);
    }
    if (known && !context_.failed()) check(value, out, within_given);
  }

 private:
  void unknown_bound(const JsonMember& member) {
    const std::string_view guess = nearest(member.key, kBoundKeys);
    context_.error(member.at, guess.empty() ? "no bound: expected below, above, exactly, or is with within"
                                            : fmt::format("no bound, did you mean \"{}\"?", guess));
  }

  std::optional<double> number(const JsonValue& value) {
    const std::string wanted = fmt::format("expected a value of {}, a number from {:.0f} to {:.0f}",
                                           metric_.name, metric_.min, metric_.max);
    if (value.kind != JsonValue::Kind::kNumber) {
      context_.error(value.at, fmt::format("{}, not {}", wanted, describe(value)));
      return std::nullopt;
    }
    if (!(value.number >= metric_.min && value.number <= metric_.max)) {
      context_.error(value.at, fmt::format("{} is out of range: {}", value.text, wanted));
      return std::nullopt;
    }
    return value.number;
  }

  double width(const JsonValue& value) {
    if (value.kind == JsonValue::Kind::kNumber && value.number > 0 && value.number <= metric_.max)
      return value.number;
    context_.error(value.at,
                   fmt::format("expected a distance from \"is\", a number above 0 and at most {:.0f}, not {}",
                               metric_.max, describe(value)));
    return 0;
  }

  /// What no run could satisfy, and what would be satisfied by every one, is a mistake.
  void check(const JsonValue& value, const Bound& bound, bool within_given) {
    const bool is = find(value, "is") != nullptr, exactly = find(value, "exactly") != nullptr;
    if (value.members.empty())
      return context_.error(value.at, "no bound: expected below, above, exactly, or is with within");
    if (is && exactly) return context_.error(value.at, "\"is\" and \"exactly\": give one");
    if (is && !within_given)
      return context_.error(value.at, "\"is\" needs \"within\"; use \"exactly\" when there is no tolerance");
    if (!is && within_given) return context_.error(value.at, "\"within\" needs \"is\"");
    if ((is || exactly) && (bound.below || bound.above))
      return context_.error(value.at, "below and above do not go with is or exactly");
    if (bound.below && *bound.below <= metric_.min)
      return context_.error(value.at, fmt::format("{} is never below {:g}", metric_.name, *bound.below));
    if (bound.above && *bound.above >= metric_.max)
      return context_.error(value.at, fmt::format("{} is never above {:g}", metric_.name, *bound.above));
    if (bound.below && bound.above && *bound.below <= *bound.above)
      context_.error(value.at,
                     fmt::format("no number is above {:g} and below {:g}", *bound.above, *bound.below));
  }

  Context& context_;
  const MetricInfo& metric_;
};

void unknown_metric(Reader& reader, const JsonMember& member) {
  std::vector<std::string_view> names;
  for (const MetricInfo& metric : kMetrics) names.push_back(metric.name);
  const std::string_view guess = nearest(member.key, names);
  reader.context.error(member.at, guess.empty()
                                      ? fmt::format("no metric: expected one of {}", fmt::join(names, ", "))
                                      : fmt::format("no metric, did you mean \"{}\"?", guess));
}

void read_ending(Reader& reader, const JsonValue& value, Expectation& out) {
  static constexpr std::string_view kWanted = "\"duration\", \"finished\" or \"stalled\"";
  const auto text = reader.context.string(value, kWanted);
  if (!text) return;
  out.ending = *text;
  if (std::ranges::find(kEndings, *text) == kEndings.end())
    reader.context.error(value.at, fmt::format("\"{}\" is no ending: expected {}", *text, kWanted));
}

} // namespace

std::span<const MetricInfo> metrics() { return kMetrics; }
const MetricInfo& info(Metric metric) { return *std::ranges::find(kMetrics, metric, &MetricInfo::metric); }

double Bound::missed_by(double value) const {
  // At a strict bound the distance is 0, but it does not hold.
  static constexpr double kJust = std::numeric_limits<double>::min();
  double missed = 0;
  if (below && !(value < *below)) missed = std::max(value - *below, kJust);
  if (above && !(value > *above)) missed = std::max(*above - value, kJust);
  if (is && !(std::abs(value - *is) <= within)) missed = std::max(std::abs(value - *is) - within, kJust);
  return missed;
}

bool Bound::holds(double value) const { return missed_by(value) == 0; }

std::string to_string(const Bound& bound) {
  if (bound.is)
    return bound.within == 0 ? fmt::format("exactly {:g}", *bound.is)
                             : fmt::format("{:g} within {:g}", *bound.is, bound.within);
  if (bound.above && bound.below) return fmt::format("above {:g}, below {:g}", *bound.above, *bound.below);
  return bound.above ? fmt::format("above {:g}", *bound.above) : fmt::format("below {:g}", *bound.below);
}

void read_expect(Reader& reader, const JsonMember& member, std::optional<u32> task) {
  Context& context = reader.context;
  const Context::Scope scope(context, member.key);
  if (!context.object(member.value, "{ metric : bound, ... }")) return;
  context.refuse_repeats(member.value, [](std::string_view) { return false; });
  for (const JsonMember& entry : member.value.members) {
    const auto* const metric = std::ranges::find(kMetrics, entry.key, &MetricInfo::name);
    const Context::Scope inner(context, entry.key);
    if (metric == kMetrics.end()) {
      unknown_metric(reader, entry);
      continue;
    }
    if (task && metric->combine == Combine::kRun)
      context.error(entry.at, "a figure of the whole run: belongs to \"expect\" at the top level");
    Expectation out{.task = task, .metric = metric->metric, .bound = {}, .ending = {}, .at = entry.at};
    if (metric->bound == BoundKind::kNumber)
      ExpectReader(reader, *metric).read_bound(entry.value, out.bound);
    else if (metric->bound == BoundKind::kCpus)
      out.cpus = read_cpus(reader, entry.value).value_or(0);
    else
      read_ending(reader, entry.value, out);
    reader.scenario.expectations.push_back(std::move(out));
  }
}

} // namespace runnel::scenario
