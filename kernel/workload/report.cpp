// SPDX-License-Identifier: Apache-2.0
#include "kernel/workload/report.hpp"

#include "kernel/lib/format.hpp"

#include <algorithm>

namespace runnel::workload {

namespace {

constexpr u32 kReportVersion = 2;

/// One line of the report, put together piece by piece.
class Line {
 public:
  template <typename... Args> void put(std::string_view text, const Args&... args) {
    format_to(sink_, text, args...);
  }
  Sink& sink() { return sink_; }
  void print() const { ground::print_line(sink_.view()); }

 private:
  char buffer_[1024];
  BufferSink sink_{buffer_};
};

/// "0-2,5"
void put_cpus(Sink& sink, const CpuMask& mask) {
  bool first = true;
  for (u32 cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (!mask.test({cpu})) continue;
    u32 last = cpu;
    while (last + 1 < kMaxCpus && mask.test({last + 1})) ++last;
    format_to(sink, first ? "{}" : ",{}", cpu);
    if (last != cpu) format_to(sink, "-{}", last);
    first = false;
    cpu = last;
  }
}

void put_latency(Line& line, const Histogram& latency) {
  line.put(R"("latency":{{"count":{},"min_ns":{},"p50_ns":{},"p99_ns":{},"max_ns":{}}})", latency.count(),
           latency.min(), latency.percentile(50), latency.percentile(99), latency.max());
}

void put_jobs(Line& line, const JobFigures& jobs) {
  line.put(R"("jobs":{{"count":{},"misses":{},"response_max_ns":{},"slack_min_ns":{},"slack_mean_ns":{},)",
           jobs.count, jobs.misses, jobs.response_max, jobs.slack_min,
           jobs.count == 0 ? 0 : jobs.slack_sum.ns / static_cast<i64>(jobs.count));
  line.put(R"("lateness_max_ns":{}}},)", jobs.lateness_max);
}

/// What the task asks for; a phase may have changed it since.
void put_params(Line& line, const TaskProgram& program) {
  const SchedParams& params = program.attributes.sched;
  line.put(R"("policy":"{}","nice":{},"priority":{},)", to_string(params.policy), params.nice,
           params.priority);
  line.put(R"("runtime_ns":{},"deadline_ns":{},"period_ns":{},)", params.runtime_ns, params.deadline_ns,
           params.period_ns);
}

void print_thread(const WorkThread& thread) {
  const TaskProgram& program = *thread.program;
  const Figures& f = thread.figures;
  Line line;
  line.put(R"(runnel: report {{"kind":"thread","task":"{}","index":{},"instance":{},"pid":{},)", program.name,
           thread.task_index, thread.instance, thread.pid);
  put_params(line, program);
  line.put(R"("cpus":")");
  const CpuMask asked =
      program.attributes.cpus != 0 ? CpuMask::from_bits(program.attributes.cpus) : CpuMask::all();
  put_cpus(line.sink(), asked & sched::port::online_cpus());
  line.put(R"(","ran_on":{},"run_ns":{},"lifetime_ns":{},"activations":{},"loops":{},"overruns":{},)",
           f.ran_on, f.run_time, f.lifetime, f.activations, f.loops, f.overruns);
  line.put(R"("preemptions":{},"voluntary":{},"migrations":{},"misuses":{},"lock_wait_max_ns":{},)",
           f.preemptions, f.voluntary, f.migrations, f.misuses, f.lock_wait_max);
  put_jobs(line, f.jobs);
  put_latency(line, f.latency);
  line.put("}}");
  line.print();
}

constexpr std::string_view to_string(Ending ending) {
  switch (ending) {
  case Ending::kDuration:
    return "duration";
  case Ending::kFinished:
    return "finished";
  case Ending::kStalled:
    return "stalled";
  case Ending::kRefused:
    return "refused";
  }
  return "";
}

/// Sums over all threads.
struct Sums {
  Histogram latency;
  Duration run_time;
  u64 threads = 0, preemptions = 0, migrations = 0, activations = 0;

  void add(const Figures& f) {
    latency.merge(f.latency);
    run_time += f.run_time;
    ++threads;
    preemptions += f.preemptions;
    migrations += f.migrations;
    activations += f.activations;
  }
};

/// Returns the number of switches on all CPUs.
u64 print_cpus(const Engine& engine) {
  const Duration wall = engine.wall();
  u64 switches = 0;
  for (const CpuId cpu : sched::port::online_cpus()) {
    const sched::CpuStats& a = engine.before().cpus[cpu.value];
    const sched::CpuStats& b = engine.after().cpus[cpu.value];
    const Duration idle{std::clamp<i64>((b.idle_time - a.idle_time).ns, 0, std::max<i64>(wall.ns, 0))};
    switches += b.nr_switches - a.nr_switches;
    Line line;
    line.put(R"(runnel: report {{"kind":"cpu","cpu":{},"busy_ns":{},"idle_ns":{},"switches":{}}})", cpu,
             wall - idle, idle, b.nr_switches - a.nr_switches);
    line.print();
  }
  return switches;
}

} // namespace

void print_report(const Engine& engine, u64 seed) {
  // A histogram is too large for the stack. Without memory the totals of the threads are missing, and the
  // host says that the report is not complete.
  auto* const sums = new_object<Sums>();
  for (u32 i = 0; i < engine.thread_count(); ++i) {
    const WorkThread& thread = engine.thread_at(i);
    if (thread.task.load(std::memory_order_relaxed) == nullptr) continue; // could not be made
    print_thread(thread);
    if (sums != nullptr) sums->add(thread.figures);
  }
  const u64 switches = print_cpus(engine);
  Line line;
  line.put(
      R"(runnel: report {{"kind":"total","version":{},"seed":{},"ended":"{}","wall_ns":{},"switches":{},)",
      kReportVersion, seed, to_string(engine.ending()), engine.wall(), switches);
  if (sums != nullptr) {
    line.put(R"("threads":{},"run_ns":{},"preemptions":{},"migrations":{},"activations":{},)", sums->threads,
             sums->run_time, sums->preemptions, sums->migrations, sums->activations);
    put_latency(line, sums->latency);
    line.put(",");
  }
  line.put(R"("forks_refused":{}}})", engine.forks_refused());
  line.print();
  delete_object(sums);
}

} // namespace runnel::workload
