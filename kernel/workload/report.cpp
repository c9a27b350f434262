// SPDX-License-Identifier: Apache-2.0
#include "kernel/workload/report.hpp"

#include "kernel/log/log.hpp"
#include "kernel/mm/unique_ptr.hpp"
#include "kernel/time/clock.hpp"

#include <algorithm>

namespace runnel::workload {

namespace {

/// "0-2,5"
void put_cpus(Sink& sink, CpuMask mask) {
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

void put_latency(Sink& sink, const Histogram& latency) {
  format_to(sink, R"("latency":{{"count":{},"min_ns":{},"p50_ns":{},"p99_ns":{},"max_ns":{}}})",
            latency.count(), latency.min(), latency.percentile(50), latency.percentile(99), latency.max());
}

void print_thread(const WorkThread& thread) {
  const TaskProgram& program = *thread.program;
  const Figures& f = thread.figures;
  char buffer[768];
  BufferSink line(buffer);
  format_to(line, R"({{"kind":"thread","task":"{}","instance":{},"pid":{},"policy":"{}","cpus":")",
            program.name, thread.instance, thread.pid, to_string(program.attributes.sched.policy));
  const CpuMask asked =
      program.attributes.cpus != 0 ? CpuMask::from_bits(program.attributes.cpus) : CpuMask::all();
  put_cpus(line, asked & online_cpus());
  format_to(line, R"(","run_ns":{},"lifetime_ns":{},"activations":{},"loops":{},"overruns":{},)", f.run_time,
            f.lifetime, f.activations, f.loops, f.overruns);
  format_to(line, R"("preemptions":{},"voluntary":{},"migrations":{},"misuses":{},)", f.preemptions,
            f.voluntary, f.migrations, f.misuses);
  put_latency(line, f.latency);
  line.write("}");
  raw_print("runnel: report {}", line.view());
}

constexpr std::string_view to_string(Ending ending) {
  switch (ending) {
  case Ending::kDuration:
    return "duration";
  case Ending::kFinished:
    return "finished";
  case Ending::kStalled:
    return "stalled";
  }
  return "";
}

/// Sums over all threads.
struct Sums {
  Histogram latency;
  Duration run_time;
  u64 preemptions = 0, migrations = 0, activations = 0;

  void add(const Figures& f) {
    latency.merge(f.latency);
    run_time += f.run_time;
    preemptions += f.preemptions;
    migrations += f.migrations;
    activations += f.activations;
  }
};

} // namespace

void CpuSample::take() {
  for (const CpuId cpu : online_cpus()) cpus[cpu.value] = sched::cpu_stats(cpu);
  when = time::now();
}

void print_report(const Engine& engine, const CpuSample& before, const CpuSample& after, u64 seed) {
  auto* const sums =
      knew<Sums>(); // a histogram is too large for the stack; without memory the totals are empty
  for (u32 i = 0; i < engine.thread_count(); ++i) {
    const WorkThread& thread = engine.thread_at(i);
    print_thread(thread);
    if (sums) sums->add(thread.figures);
  }
  const Duration wall = after.when - before.when;
  u64 switches = 0;
  for (const CpuId cpu : online_cpus()) {
    const sched::CpuStats& a = before.cpus[cpu.value];
    const sched::CpuStats& b = after.cpus[cpu.value];
    const Duration idle{std::clamp<i64>((b.idle_time - a.idle_time).ns, 0, wall.ns)};
    switches += b.nr_switches - a.nr_switches;
    raw_print(R"(runnel: report {{"kind":"cpu","cpu":{},"busy_ns":{},"idle_ns":{},"switches":{}}})", cpu,
              wall - idle, idle, b.nr_switches - a.nr_switches);
  }
  char buffer[768];
  BufferSink line(buffer);
  format_to(line,
            R"({{"kind":"total","version":1,"seed":{},"ended":"{}","wall_ns":{},"threads":{},"switches":{},)",
            seed, to_string(engine.ending()), wall, engine.thread_count(), switches);
  if (sums) {
    format_to(line, R"("run_ns":{},"preemptions":{},"migrations":{},"activations":{},)", sums->run_time,
              sums->preemptions, sums->migrations, sums->activations);
    put_latency(line, sums->latency);
    line.write(",");
  }
  format_to(line, R"("forks_refused":{}}})", engine.forks_refused());
  raw_print("runnel: report {}", line.view());
}

} // namespace runnel::workload
