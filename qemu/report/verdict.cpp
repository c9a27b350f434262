// SPDX-License-Identifier: Apache-2.0
#include "qemu/report/verdict.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

namespace runnel::report {

namespace {

using scenario::Bound;
using scenario::BoundKind;
using scenario::Combine;
using scenario::Expectation;
using scenario::Metric;
using scenario::MetricInfo;

double us(u64 ns) { return static_cast<double>(ns) / 1000; }
double us(i64 ns) { return static_cast<double>(ns) / 1000; }
double percent(u64 part, u64 whole) { return 100 * static_cast<double>(part) / static_cast<double>(whole); }

/// A figure of one thread; nothing when there was nothing to measure.
std::optional<double> value_of(Metric metric, const ThreadRow& t) {
  const auto of_wakeups = [&](u64 ns) { return t.latency.count == 0 ? std::nullopt : std::optional(us(ns)); };
  const auto of_jobs = [&](i64 ns) { return t.jobs.count == 0 ? std::nullopt : std::optional(us(ns)); };
  const auto count = [](u64 n) { return std::optional(static_cast<double>(n)); };
  switch (metric) {
  case Metric::kWakeupP50:
    return of_wakeups(t.latency.p50_ns);
  case Metric::kWakeupP99:
    return of_wakeups(t.latency.p99_ns);
  case Metric::kWakeupMax:
    return of_wakeups(t.latency.max_ns);
  case Metric::kResponseMax:
    return of_jobs(static_cast<i64>(t.jobs.response_max_ns));
  case Metric::kSlackMin:
    return of_jobs(t.jobs.slack_min_ns);
  case Metric::kLatenessMax:
    return of_jobs(static_cast<i64>(t.jobs.lateness_max_ns));
  case Metric::kLockWaitMax:
    return us(t.lock_wait_max_ns);
  case Metric::kShare:
    return t.lifetime_ns == 0 ? std::nullopt : std::optional(percent(t.run_ns, t.lifetime_ns));
  case Metric::kLoops:
    return count(t.loops);
  case Metric::kRunTime:
    return us(t.run_ns);
  case Metric::kWakeups:
    return count(t.activations);
  case Metric::kJobs:
    return count(t.jobs.count);
  case Metric::kDeadlineMisses:
    return count(t.jobs.misses);
  case Metric::kOverruns:
    return count(t.overruns);
  case Metric::kPreemptions:
    return count(t.preemptions);
  case Metric::kMigrations:
    return count(t.migrations);
  case Metric::kMisuses:
    return count(t.misuses);
  default:
    return std::nullopt;
  }
}

/// A figure of the run.
std::optional<double> value_of(Metric metric, const Report& report) {
  const auto count = [](u64 n) { return std::optional(static_cast<double>(n)); };
  switch (metric) {
  case Metric::kThreads:
    return count(report.total.threads);
  case Metric::kSwitches:
    return count(report.total.switches);
  case Metric::kForksRefused:
    return count(report.total.forks_refused);
  case Metric::kWall:
    return us(report.total.wall_ns);
  case Metric::kBusy: {
    u64 busy = 0, all = 0;
    for (const CpuRow& cpu : report.cpus) busy += cpu.busy_ns, all += cpu.busy_ns + cpu.idle_ns;
    return all == 0 ? std::nullopt : std::optional(percent(busy, all));
  }
  default:
    return std::nullopt;
  }
}

std::string number(double value) { return fmt::format("{:.6g}", value); }

std::string cpu_list(u64 mask) {
  std::string out;
  for (; mask != 0; mask &= mask - 1)
    out += fmt::format("{}{}", out.empty() ? "" : ", ", std::countr_zero(mask));
  return out;
}

class Judge {
 public:
  Judge(const scenario::Scenario& scenario, const Report& report, const Expectation& expectation)
      : scenario_(scenario), report_(report), expectation_(expectation), info_(info(expectation.metric)) {
    for (const ThreadRow& thread : report.threads)
      if (!expectation.task || thread.index == *expectation.task) threads_.push_back(&thread);
  }

  Verdict verdict() {
    out_.subject = expectation_.task ? scenario_.tasks[*expectation_.task].name : "";
    out_.metric = info_.name;
    out_.place = fmt::format("{}:{}:{}", scenario_.file, expectation_.at.line, expectation_.at.column);
    switch (info_.bound) {
    case BoundKind::kNumber:
      out_.expected = to_string(expectation_.bound);
      judge_number();
      break;
    case BoundKind::kCpus:
      out_.expected = cpu_list(expectation_.cpus);
      judge_cpus();
      break;
    case BoundKind::kEnding:
      out_.expected = expectation_.ending;
      out_.measured = report_.total.ended;
      set(report_.total.ended == expectation_.ending);
      break;
    }
    return std::move(out_);
  }

 private:
  void set(bool holds) { out_.holds = holds ? Holds::kYes : Holds::kNo; }

  std::string name_of(const ThreadRow& thread) const {
    const auto of_task = std::ranges::count(report_.threads, thread.index, &ThreadRow::index);
    return of_task > 1 ? fmt::format("{}-{}", thread.task, thread.instance) : thread.task;
  }

  bool nothing(std::string_view why) {
    out_.measured = why;
    set(false);
    return true;
  }

  void judge_number() {
    if (info_.combine == Combine::kRun) {
      compare(value_of(expectation_.metric, report_), "");
      return;
    }
    if (threads_.empty() && nothing("no thread of it ran")) return;
    if (info_.combine == Combine::kSum) {
      double sum = 0;
      for (const ThreadRow* thread : threads_) sum += value_of(expectation_.metric, *thread).value_or(0);
      compare(sum, "");
      return;
    }
    const Bound& bound = expectation_.bound;
    const ThreadRow* worst = nullptr;
    for (const ThreadRow* thread : threads_) {
      const auto value = value_of(expectation_.metric, *thread);
      if (!value) return compare(value, name_of(*thread));
      if (worst == nullptr || badness(bound, *value) > badness(bound, *value_of(expectation_.metric, *worst)))
        worst = thread;
    }
    compare(value_of(expectation_.metric, *worst), threads_.size() > 1 ? name_of(*worst) : "");
  }

  /// Orders values that hold, too: the greater, the closer to the bound.
  static double badness(const Bound& bound, double value) {
    double least = -1e300;
    if (bound.below) least = std::max(least, value - *bound.below);
    if (bound.above) least = std::max(least, *bound.above - value);
    if (bound.is) least = std::max(least, std::abs(value - *bound.is) - bound.within);
    return least;
  }

  void compare(std::optional<double> value, const std::string& thread) {
    out_.value = value;
    out_.measured = value ? number(*value) : std::string(why_nothing());
    if (!thread.empty()) out_.measured += fmt::format(" ({})", thread);
    set(value && expectation_.bound.holds(*value));
  }

  std::string_view why_nothing() const {
    switch (expectation_.metric) {
    case Metric::kWakeupP50:
    case Metric::kWakeupP99:
    case Metric::kWakeupMax:
      return "no wake-up";
    case Metric::kResponseMax:
    case Metric::kSlackMin:
    case Metric::kLatenessMax:
      return "no job came to its end";
    default:
      return "nothing measured";
    }
  }

  void judge_cpus() {
    if (threads_.empty() && nothing("no thread of it ran")) return;
    u64 ran_on = 0;
    for (const ThreadRow* thread : threads_) ran_on |= thread->ran_on;
    out_.measured = "ran on " + cpu_list(ran_on);
    set((ran_on & expectation_.cpus) == 0);
  }

  const scenario::Scenario& scenario_;
  const Report& report_;
  const Expectation& expectation_;
  const MetricInfo& info_;
  std::vector<const ThreadRow*> threads_;
  Verdict out_;
};

} // namespace

std::vector<Verdict> judge(const scenario::Scenario& scenario, const Report& report) {
  std::vector<Verdict> out;
  for (const Expectation& expectation : scenario.expectations)
    out.push_back(Judge(scenario, report, expectation).verdict());
  return out;
}

bool all_hold(const std::vector<Verdict>& verdicts) {
  return std::ranges::all_of(verdicts, [](const Verdict& v) { return v.holds == Holds::kYes; });
}

std::string format_verdicts(const std::vector<Verdict>& verdicts, const TableOptions& options) {
  if (verdicts.empty()) return {};
  const bool colour = options.colour == Colour::kOn;
  const std::string_view red = colour ? "\x1b[1;31m" : "", green = colour ? "\x1b[32m" : "",
                         off = colour ? "\x1b[0m" : "";
  const auto name = [](const Verdict& v) {
    return v.subject.empty() ? v.metric : v.subject + "." + v.metric;
  };
  usize width = 0;
  for (const Verdict& v : verdicts) width = std::max(width, name(v).size());
  std::string out;
  for (const Verdict& v : verdicts) {
    const bool ok = v.holds == Holds::kYes;
    out += fmt::format("{}{:<6}{}  {:<{}}  {}, expected {}", ok ? green : red, ok ? "ok" : "FAILED", off,
                       name(v), width, v.measured, v.expected);
    out += ok ? "\n" : fmt::format("  [{}]\n", v.place);
  }
  const auto held = std::ranges::count(verdicts, Holds::kYes, &Verdict::holds);
  return out + fmt::format("{} of {} expectations hold\n", held, verdicts.size());
}

nlohmann::ordered_json to_json(const std::vector<Verdict>& verdicts) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const Verdict& v : verdicts) {
    nlohmann::ordered_json one = {{"holds", v.holds == Holds::kYes}};
    if (!v.subject.empty()) one["task"] = v.subject;
    one["metric"] = v.metric;
    one["expected"] = v.expected;
    one["measured"] = v.measured;
    if (v.value) one["value"] = *v.value;
    one["place"] = v.place;
    out.push_back(std::move(one));
  }
  return out;
}

} // namespace runnel::report
