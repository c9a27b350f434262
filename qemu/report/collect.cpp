// SPDX-License-Identifier: Apache-2.0
// Report lines of the guest -> Report; and Report -> JSON for --json.
#include "qemu/report/report.hpp"

#include <fmt/format.h>
#include <limits>

namespace runnel::report {

namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "runnel: report ";

// Missing numbers are errors: at() throws, take() reports.
u64 number(const json& object, const char* key) { return object.at(key).get<u64>(); }
i64 signed_number(const json& object, const char* key) { return object.at(key).get<i64>(); }
u32 small_number(const json& object, const char* key) {
  const u64 value = number(object, key);
  if (value > std::numeric_limits<u32>::max()) throw std::out_of_range(fmt::format("{} is {}", key, value));
  return static_cast<u32>(value);
}

Latency latency_of(const json& object) {
  const json& l = object.at("latency");
  return {.count = number(l, "count"),
          .min_ns = number(l, "min_ns"),
          .p50_ns = number(l, "p50_ns"),
          .p99_ns = number(l, "p99_ns"),
          .max_ns = number(l, "max_ns")};
}

Jobs jobs_of(const json& object) {
  const json& j = object.at("jobs");
  return {.count = number(j, "count"),
          .misses = number(j, "misses"),
          .response_max_ns = number(j, "response_max_ns"),
          .lateness_max_ns = number(j, "lateness_max_ns"),
          .slack_min_ns = signed_number(j, "slack_min_ns"),
          .slack_mean_ns = signed_number(j, "slack_mean_ns")};
}

Params params_of(const json& o) {
  return {.policy = o.at("policy").get<std::string>(),
          .nice = signed_number(o, "nice"),
          .priority = number(o, "priority"),
          .runtime_ns = number(o, "runtime_ns"),
          .deadline_ns = number(o, "deadline_ns"),
          .period_ns = number(o, "period_ns")};
}

ThreadRow thread_of(const json& o) {
  return {.task = o.at("task").get<std::string>(),
          .index = small_number(o, "index"),
          .instance = small_number(o, "instance"),
          .pid = small_number(o, "pid"),
          .params = params_of(o),
          .cpus = o.at("cpus").get<std::string>(),
          .run_ns = number(o, "run_ns"),
          .lifetime_ns = number(o, "lifetime_ns"),
          .activations = number(o, "activations"),
          .loops = number(o, "loops"),
          .overruns = number(o, "overruns"),
          .preemptions = number(o, "preemptions"),
          .voluntary = number(o, "voluntary"),
          .migrations = number(o, "migrations"),
          .misuses = number(o, "misuses"),
          .lock_wait_max_ns = number(o, "lock_wait_max_ns"),
          .ran_on = number(o, "ran_on"),
          .jobs = jobs_of(o),
          .latency = latency_of(o)};
}

CpuRow cpu_of(const json& o) {
  return {.cpu = small_number(o, "cpu"),
          .busy_ns = number(o, "busy_ns"),
          .idle_ns = number(o, "idle_ns"),
          .switches = number(o, "switches")};
}

Total total_of(const json& o) {
  if (number(o, "version") != 2) throw std::out_of_range("a report of another version");
  return {.wall_ns = number(o, "wall_ns"),
          .seed = number(o, "seed"),
          .threads = number(o, "threads"),
          .run_ns = number(o, "run_ns"),
          .switches = number(o, "switches"),
          .preemptions = number(o, "preemptions"),
          .migrations = number(o, "migrations"),
          .activations = number(o, "activations"),
          .forks_refused = number(o, "forks_refused"),
          .ended = o.at("ended").get<std::string>(),
          .latency = latency_of(o)};
}

nlohmann::ordered_json to_json(const Latency& l) {
  return {{"count", l.count},
          {"min_ns", l.min_ns},
          {"p50_ns", l.p50_ns},
          {"p99_ns", l.p99_ns},
          {"max_ns", l.max_ns}};
}

nlohmann::ordered_json to_json(const Jobs& j) {
  return {{"count", j.count},
          {"misses", j.misses},
          {"response_max_ns", j.response_max_ns},
          {"slack_min_ns", j.slack_min_ns},
          {"slack_mean_ns", j.slack_mean_ns},
          {"lateness_max_ns", j.lateness_max_ns}};
}

nlohmann::ordered_json to_json(const ThreadRow& t) {
  return {{"task", t.task},
          {"index", t.index},
          {"instance", t.instance},
          {"pid", t.pid},
          {"policy", t.params.policy},
          {"nice", t.params.nice},
          {"priority", t.params.priority},
          {"runtime_ns", t.params.runtime_ns},
          {"deadline_ns", t.params.deadline_ns},
          {"period_ns", t.params.period_ns},
          {"cpus", t.cpus},
          {"ran_on", t.ran_on},
          {"run_ns", t.run_ns},
          {"lifetime_ns", t.lifetime_ns},
          {"activations", t.activations},
          {"loops", t.loops},
          {"overruns", t.overruns},
          {"preemptions", t.preemptions},
          {"voluntary", t.voluntary},
          {"migrations", t.migrations},
          {"misuses", t.misuses},
          {"lock_wait_max_ns", t.lock_wait_max_ns},
          {"jobs", to_json(t.jobs)},
          {"latency", to_json(t.latency)}};
}

} // namespace

bool Collector::take(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (!line.starts_with(kPrefix)) return false;
  line.remove_prefix(kPrefix.size());
  try {
    take_object(json::parse(line));
  } catch (const std::exception& error) {
    problems_.push_back(fmt::format("report line not understood ({}): {}", error.what(), line));
  }
  return true;
}

void Collector::take_object(const json& object) {
  const std::string kind = object.at("kind").get<std::string>();
  if (kind == "thread") {
    report_.threads.push_back(thread_of(object));
  } else if (kind == "cpu") {
    report_.cpus.push_back(cpu_of(object));
  } else if (kind == "total") {
    if (total_seen_) throw std::out_of_range("a second total");
    report_.total = total_of(object);
    total_seen_ = true;
  } else {
    throw std::out_of_range("kind " + kind);
  }
}

bool Collector::complete() const {
  return total_seen_ && problems_.empty() && report_.threads.size() == report_.total.threads;
}

nlohmann::ordered_json to_json(const Report& report) {
  using nlohmann::ordered_json;
  ordered_json threads = ordered_json::array();
  for (const ThreadRow& t : report.threads) threads.push_back(to_json(t));
  ordered_json cpus = ordered_json::array();
  for (const CpuRow& c : report.cpus)
    cpus.push_back(
        {{"cpu", c.cpu}, {"busy_ns", c.busy_ns}, {"idle_ns", c.idle_ns}, {"switches", c.switches}});
  const Total& t = report.total;
  return {{"version", 2},
          {"threads", std::move(threads)},
          {"cpus", std::move(cpus)},
          {"total",
           {{"ended", t.ended},
            {"seed", t.seed},
            {"wall_ns", t.wall_ns},
            {"threads", t.threads},
            {"run_ns", t.run_ns},
            {"switches", t.switches},
            {"preemptions", t.preemptions},
            {"migrations", t.migrations},
            {"activations", t.activations},
            {"forks_refused", t.forks_refused},
            {"latency", to_json(t.latency)}}}};
}

} // namespace runnel::report
