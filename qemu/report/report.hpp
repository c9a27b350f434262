// SPDX-License-Identifier: Apache-2.0
// What a workload run measured: collected from the guest's "runnel: report {...}" lines, shown as tables or
// JSON.
//   report::Collector collector;
//   for each serial line: collector.take(line);          // true when the line was a report line
//   if (collector.complete()) fmt::print("{}", format_tables(collector.report(), {.colour =
//   report::Colour::kOn}));
#pragma once

#include "kernel/lib/types.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::report {

/// Wake-up latency: from the moment a thread should have run (timer expiry, or the waker's act) until it ran.
/// Percentiles are upper bounds of histogram buckets: at most 1/32 above the true value, never below it.
struct Latency {
  u64 count = 0, min_ns = 0, p50_ns = 0, p99_ns = 0, max_ns = 0;
};

/// Jobs of a periodic thread: from the beginning of a timer's period to the `timer` event that ends it.
struct Jobs {
  u64 count = 0, misses = 0;
  u64 response_max_ns = 0, lateness_max_ns = 0;
  i64 slack_min_ns = 0, slack_mean_ns = 0; // rt-app's slack: from the job's end to the period's
};

/// What a task asks of the scheduler; phases may change it.
struct Params {
  std::string policy; // "other", "batch", "idle", "rr", "fifo", "deadline"
  i64 nice = 0;       // other, batch, idle
  u64 priority = 0;   // rr, fifo
  u64 runtime_ns = 0; // deadline; other, batch, idle: custom slice, 0 for none
  u64 deadline_ns = 0, period_ns = 0;
};
/// "fifo 50", "other", "other nice 5", "deadline 5/90 ms"
std::string to_string(const Params& params);

struct ThreadRow {
  std::string task; // key under "tasks"
  u32 index = 0;    // of the task
  u32 instance = 0;
  u32 pid = 0;
  Params params;
  std::string cpus;    // "0-3"
  u64 run_ns = 0;      // CPU time
  u64 lifetime_ns = 0; // from its start to its end
  u64 activations = 0; // wake-ups after sleep, timer, suspend, wait, lock, barrier, semaphore
  u64 loops = 0;       // complete passes over all phases
  u64 overruns = 0;    // timer events whose time had passed already
  u64 preemptions = 0; // involuntary switches
  u64 voluntary = 0;
  u64 migrations = 0;
  u64 misuses = 0; // unlock of a mutex not held and the like
  u64 lock_wait_max_ns = 0;
  u64 ran_on = 0; // bit n: CPU n
  Jobs jobs;
  Latency latency;
};

struct CpuRow {
  u32 cpu = 0;
  u64 busy_ns = 0, idle_ns = 0;
  u64 switches = 0;
};

struct Total {
  u64 wall_ns = 0;
  u64 seed = 0;
  u64 threads = 0;
  u64 run_ns = 0;
  u64 switches = 0, preemptions = 0, migrations = 0, activations = 0;
  u64 forks_refused = 0;
  std::string ended; // "duration", "finished" or "stalled" (all threads left waited for each other)
  Latency latency;
};

struct Report {
  std::vector<ThreadRow> threads;
  std::vector<CpuRow> cpus;
  Total total;
};

class Collector {
 public:
  /// Looks at one line of the guest's output (with or without line end). False: not a report line.
  /// A report line that cannot be understood is kept in problems().
  bool take(std::string_view line);
  /// The total came, and as many threads as it says.
  bool complete() const;
  const Report& report() const { return report_; }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  void take_object(const nlohmann::json& object);
  Report report_;
  bool total_seen_ = false;
  std::vector<std::string> problems_;
};

enum class Colour : u8 { kOff, kOn };

struct TableOptions {
  Colour colour = Colour::kOff;
  u32 width = 100;      // columns the terminal has; bars use what is left
  u32 max_threads = 40; // more rows than that are summed up by task
};

/// Tables for people: threads, CPUs with bars, one line of totals. Ends in a newline.
std::string format_tables(const Report& report, const TableOptions& options = {});

/// One object {"version":2,"threads":[...],"cpus":[...],"total":{...}}, times in nanoseconds; for --json.
nlohmann::ordered_json to_json(const Report& report);

/// "1.25 ms", "830 ns", "12.0 s": three significant digits.
std::string human_time(u64 ns);

} // namespace runnel::report
