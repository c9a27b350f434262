// SPDX-License-Identifier: Apache-2.0
// Tables for people: threads, CPUs with bars, one line of totals.
#include "qemu/report/report.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>

namespace runnel::report {

namespace {

struct Palette {
  std::string_view bold, dim, warn, bar, off;
};
constexpr Palette kPlain{};
constexpr Palette kColours{"\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[36m", "\x1b[0m"};

std::string percent(u64 part, u64 whole) {
  return whole == 0 ? "-"
                    : fmt::format("{:.1f}%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string signed_time(i64 ns) {
  return ns < 0 ? "-" + human_time(u64{0} - static_cast<u64>(ns)) : human_time(static_cast<u64>(ns));
}

/// "5", "12.5"
std::string milliseconds(u64 ns) { return fmt::format("{:g}", static_cast<double>(ns) / 1e6); }

std::string time_or_dash(const Latency& latency, u64 ns) { return latency.count == 0 ? "-" : human_time(ns); }

enum class Align : u8 { kLeft, kRight };
struct Column {
  std::string_view title;
  Align align = Align::kRight;
};

/// Rows of text with columns as wide as their widest cell.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  std::string text(const Palette& palette) const {
    std::vector<usize> widths;
    for (usize c = 0; c < columns_.size(); ++c) {
      usize width = columns_[c].title.size();
      for (const auto& row : rows_) width = std::max(width, row[c].size());
      widths.push_back(width);
    }
    std::vector<std::string> titles;
    titles.reserve(columns_.size());
    for (const Column& column : columns_) titles.emplace_back(column.title);
    std::string out = fmt::format("{}{}{}\n", palette.bold, line(titles, widths), palette.off);
    for (const auto& row : rows_) out += line(row, widths) + '\n';
    return out;
  }

 private:
  std::string line(const std::vector<std::string>& cells, const std::vector<usize>& widths) const {
    std::string out;
    for (usize c = 0; c < cells.size(); ++c) {
      if (c != 0) out += "  ";
      out += columns_[c].align == Align::kLeft ? fmt::format("{:<{}}", cells[c], widths[c])
                                               : fmt::format("{:>{}}", cells[c], widths[c]);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
  }

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// A row of the thread table: one thread, or all threads of a task summed up.
struct Row {
  std::string name;
  std::string policy;
  std::string cpus;
  ThreadRow sum; // latency: count summed, min and max exact, percentiles the largest of the threads'
  u64 threads = 0;
};

void add_to(Row& row, const ThreadRow& thread) {
  ThreadRow& sum = row.sum;
  ++row.threads;
  sum.run_ns += thread.run_ns;
  sum.lifetime_ns += thread.lifetime_ns;
  sum.activations += thread.activations;
  sum.overruns += thread.overruns;
  sum.preemptions += thread.preemptions;
  sum.voluntary += thread.voluntary;
  sum.migrations += thread.migrations;
  sum.misuses += thread.misuses;
  if (thread.jobs.count != 0) {
    sum.jobs.slack_min_ns = sum.jobs.count == 0 ? thread.jobs.slack_min_ns
                                                : std::min(sum.jobs.slack_min_ns, thread.jobs.slack_min_ns);
    sum.jobs.count += thread.jobs.count;
  }
  sum.jobs.misses += thread.jobs.misses;
  if (thread.latency.count == 0) return;
  Latency& l = sum.latency;
  l.min_ns = l.count == 0 ? thread.latency.min_ns : std::min(l.min_ns, thread.latency.min_ns);
  l.count += thread.latency.count;
  l.p50_ns = std::max(l.p50_ns, thread.latency.p50_ns);
  l.p99_ns = std::max(l.p99_ns, thread.latency.p99_ns);
  l.max_ns = std::max(l.max_ns, thread.latency.max_ns);
}

enum class Grouping : u8 { kByThread, kByTask };

std::vector<Row> rows_of(const Report& report, Grouping grouping) {
  std::map<std::string, u32> instances;
  for (const ThreadRow& thread : report.threads) ++instances[thread.task];
  std::vector<Row> rows;
  std::map<std::string, usize> index;
  for (const ThreadRow& thread : report.threads) {
    const bool several = instances[thread.task] > 1;
    const std::string name =
        grouping == Grouping::kByTask
            ? (several ? fmt::format("{} x{}", thread.task, instances[thread.task]) : thread.task)
        : several ? fmt::format("{}-{}", thread.task, thread.instance)
                  : thread.task;
    const auto [it, fresh] = index.emplace(name, rows.size());
    if (fresh)
      rows.push_back(
          {.name = name, .policy = to_string(thread.params), .cpus = thread.cpus, .sum = {}, .threads = 0});
    add_to(rows[it->second], thread);
  }
  return rows;
}

std::string thread_table(const Report& report, const TableOptions& options, const Palette& palette) {
  const Grouping grouping =
      report.threads.size() > options.max_threads ? Grouping::kByTask : Grouping::kByThread;
  Table table({{"thread", Align::kLeft},
               {"policy", Align::kLeft},
               {"cpus", Align::kLeft},
               {"run time"},
               {"share"},
               {"wakeups"},
               {"p50"},
               {"p99"},
               {"max"},
               {"slack"},
               {"misses"},
               {"preempted"},
               {"voluntary"},
               {"migrated"}});
  for (const Row& row : rows_of(report, grouping)) {
    const ThreadRow& t = row.sum;
    const Latency& l = t.latency;
    const bool periodic = t.jobs.count + t.jobs.misses != 0;
    table.add({row.name, row.policy, row.cpus, human_time(t.run_ns), percent(t.run_ns, t.lifetime_ns),
               fmt::to_string(t.activations), time_or_dash(l, l.p50_ns), time_or_dash(l, l.p99_ns),
               time_or_dash(l, l.max_ns), t.jobs.count != 0 ? signed_time(t.jobs.slack_min_ns) : "-",
               periodic ? fmt::to_string(t.jobs.misses) : "-", fmt::to_string(t.preemptions),
               fmt::to_string(t.voluntary), fmt::to_string(t.migrations)});
  }
  std::string out = table.text(palette);
  if (grouping == Grouping::kByTask)
    out += fmt::format("{}{} threads, summed up by task; percentiles are those of the worst thread{}\n",
                       palette.dim, report.threads.size(), palette.off);
  return out;
}

std::string cpu_table(const Report& report, const TableOptions& options, const Palette& palette) {
  static constexpr u32 kTextWidth = 37, kSmallestBar = 10, kLargestBar = 50;
  const u32 bar =
      std::clamp(options.width > kTextWidth ? options.width - kTextWidth : 0, kSmallestBar, kLargestBar);
  std::string out;
  for (const CpuRow& cpu : report.cpus) {
    const u64 all = cpu.busy_ns + cpu.idle_ns;
    const u64 filled = all == 0 ? 0 : (cpu.busy_ns * bar + all / 2) / all;
    out += fmt::format("cpu {:<3}{:>6} busy  {}{:#<{}}{}{:.<{}}{} {:>7} switches\n", cpu.cpu,
                       percent(cpu.busy_ns, all), palette.bar, "", filled, palette.dim, "", bar - filled,
                       palette.off, cpu.switches);
  }
  return out;
}

std::string totals(const Report& report, const Palette& palette) {
  const Total& t = report.total;
  std::string out = fmt::format(
      "{}{} threads, {} of guest time: {} wake-ups, {} switches, {} preemptions, {} migrations{}\n",
      palette.bold, t.threads, human_time(t.wall_ns), t.activations, t.switches, t.preemptions, t.migrations,
      palette.off);
  if (t.latency.count != 0)
    out +=
        fmt::format("wake-up latency: min {}, p50 {}, p99 {}, max {}\n", human_time(t.latency.min_ns),
                    human_time(t.latency.p50_ns), human_time(t.latency.p99_ns), human_time(t.latency.max_ns));
  u64 misuses = 0;
  for (const ThreadRow& thread : report.threads) misuses += thread.misuses;
  const auto warn = [&](const std::string& text) {
    out += fmt::format("{}note: {}{}\n", palette.warn, text, palette.off);
  };
  if (t.ended == "stalled") warn("ended early: every thread left was waiting for another one");
  if (misuses != 0)
    warn(fmt::format(
        "{} events without effect (unlock or wait without the mutex, lock of a mutex already held)",
        misuses));
  if (t.forks_refused != 0)
    warn(fmt::format("{} forks refused, the limit of threads was reached", t.forks_refused));
  return out;
}

} // namespace

std::string to_string(const Params& p) {
  if (p.policy == "fifo" || p.policy == "rr") return fmt::format("{} {}", p.policy, p.priority);
  if (p.policy == "deadline")
    return p.deadline_ns == p.period_ns
               ? fmt::format("deadline {}/{} ms", milliseconds(p.runtime_ns), milliseconds(p.period_ns))
               : fmt::format("deadline {}/{}/{} ms", milliseconds(p.runtime_ns), milliseconds(p.deadline_ns),
                             milliseconds(p.period_ns));
  std::string out = p.policy;
  if (p.nice != 0) out += fmt::format(" nice {}", p.nice);
  if (p.runtime_ns != 0) out += fmt::format(" slice {}", human_time(p.runtime_ns));
  return out;
}

std::string human_time(u64 ns) {
  struct Unit {
    double ns;
    std::string_view name;
  };
  static constexpr std::array kUnits = {Unit{1, "ns"}, Unit{1e3, "us"}, Unit{1e6, "ms"}, Unit{1e9, "s"}};
  if (ns < 1000) return fmt::format("{} ns", ns);
  usize unit = 1;
  // What would round to 1000 of this unit is 1 of the next.
  while (unit + 1 < kUnits.size() && static_cast<double>(ns) >= 999.5 * kUnits[unit].ns) ++unit;
  const double value = static_cast<double>(ns) / kUnits[unit].ns;
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, decimals, kUnits[unit].name);
}

std::string format_tables(const Report& report, const TableOptions& options) {
  const Palette& palette = options.colour == Colour::kOn ? kColours : kPlain;
  return thread_table(report, options, palette) + '\n' + cpu_table(report, options, palette) + '\n' +
         totals(report, palette);
}

} // namespace runnel::report
