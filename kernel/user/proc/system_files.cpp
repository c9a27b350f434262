// SPDX-License-Identifier: Apache-2.0
// The text files of /proc itself and of /proc/sys (spec linux_abi 9).
#include "kernel/fs/walk.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/proc/subject.hpp"
#include "kernel/user/rseq/slice.hpp"

#include <arch/cpu.hpp>
#include <sched/sched.hpp>
#include <sched/schedstat.hpp>

namespace runnel::user {
namespace {

constexpr u64 kCentisecond = 10'000'000;

u64 idle_ns() {
  u64 sum = 0;
  for (const CpuId cpu : online_cpus()) sum += static_cast<u64>(sched::cpu_stats(cpu).idle_time.ns);
  return sum;
}

void uptime(Sink& to) {
  const u64 up = time::now().ns / kCentisecond, idle = idle_ns() / kCentisecond; // seam: boottime offset
  format_to(to, "{}.{:02} {}.{:02}\n", up / 100, up % 100, idle / 100, idle % 100);
}

void stat(Sink& to) {
  const u64 up = time::now().ns / kCentisecond;
  u64 switches = 0, running = 0;
  const auto line = [&](u64 all, u64 idle) {
    format_to(to, "{} 0 0 {} 0 0 0 0 0 0\n", all > idle ? all - idle : 0, idle);
  };
  to.write("cpu  ");
  line(up * online_cpus().count(), idle_ns() / kCentisecond);
  for (const CpuId cpu : online_cpus()) {
    const sched::CpuStats stats = sched::cpu_stats(cpu);
    format_to(to, "cpu{} ", cpu);
    line(up, static_cast<u64>(stats.idle_time.ns) / kCentisecond);
    switches += stats.nr_switches;
    running += stats.nr_running;
  }
  format_to(to, "intr 0\nctxt {}\nbtime {}\nprocesses {}\nprocs_running {}\nprocs_blocked 0\n", switches,
            kRealtimeAtBoot / 1'000'000'000, proc_source.last_pid(), running);
}

void loadavg(Sink& to) {
  u64 running = 0;
  for (const CpuId cpu : online_cpus()) running += sched::cpu_stats(cpu).nr_running;
  format_to(to, "0.00 0.00 0.00 {}/{} {}\n", running, nr_tasks(), proc_source.last_pid()); // seam: averages
}

void meminfo(Sink& to) {
  const mm::PageStats pages = mm::page_stats();
  const u64 free = pages.free + pages.cached;
  const auto line = [&](std::string_view name, u64 count) {
    format_to(to, "{:15} {:8} kB\n", name, count * 4);
  };
  line("MemTotal:", pages.total);
  line("MemFree:", free);
  line("MemAvailable:", free);
  line("Buffers:", 0);
  line("Cached:", 0);
  line("SwapTotal:", 0);
  line("SwapFree:", 0);
  line("PageTables:", static_cast<u64>(pages.owned[static_cast<u32>(mm::PageOwner::kUserTable)]));
}

void cpuinfo(Sink& to) {
  for (const CpuId cpu : online_cpus())
    format_to(to, "processor\t: {}\nmodel name\t: {} (Runnel)\n\n", cpu, arch::kName);
}

void filesystems(Sink& to) { to.write("nodev\ttmpfs\nnodev\tproc\nnodev\tsysfs\nnodev\tdevtmpfs\n"); }
void version(Sink& to) {
  to.write("Linux version 7.2.0-runnel (runnel@runnel) (clang version 19) #1 SMP PREEMPT Runnel\n");
}

/// What each CPU runs and what waits for it.
void sched_debug(Sink& to) {
  format_to(to, "sched_debug: {} CPUs online, {} tasks, {} ns since boot\n", online_cpus().count(),
            nr_tasks(), time::now());
  for (const CpuId cpu : online_cpus()) {
    const sched::CpuStats stats = sched::cpu_stats(cpu);
    format_to(to, "cpu#{}: nr_running {} nr_switches {} curr->pid {} idle_ns {}\n", cpu, stats.nr_running,
              stats.nr_switches, stats.curr_pid, stats.idle_time);
  }
}

template <u64 kValue> void number(Sink& to) { format_to(to, "{}\n", kValue); }
Result<> accept(std::string_view) { return {}; }

Result<u32> number_in(std::string_view text) {
  u32 value = 0;
  if (text.empty() || text.size() > 9) return err(Errno::kINVAL);
  for (const char c : text) {
    if (c < '0' || c > '9') return err(Errno::kINVAL);
    value = value * 10 + static_cast<u32>(c - '0');
  }
  return value;
}
Result<> store_pid_max(std::string_view text) {
  const auto value = number_in(text);
  return value ? proc_source.set_pid_max(*value) : err(value.error());
}
Result<> store_slice_length(std::string_view text) {
  const auto value = number_in(text);
  return value ? rseq::set_slice_length(*value) : err(value.error());
}

constexpr fs::TextSpec kFiles[] = {{"uptime", 0444, uptime},
                                   {"stat", 0444, stat},
                                   {"loadavg", 0444, loadavg},
                                   {"meminfo", 0444, meminfo},
                                   {"cpuinfo", 0444, cpuinfo},
                                   {"filesystems", 0444, filesystems},
                                   {"version", 0444, version},
                                   {"sched_debug", 0444, sched_debug},
                                   {"schedstat", 0444, sched::write_schedstat},
                                   {"rseq_stats", 0444, rseq::write_statistics},
                                   {"cmdline", 0444, [](Sink& to) { to.write("runnel\n"); }}};

constexpr fs::TextSpec kKernel[] = {
    {"pid_max", 0644, [](Sink& to) { format_to(to, "{}\n", proc_source.pid_max()); }, store_pid_max},
    {"rseq_slice_ns", 0644, [](Sink& to) { format_to(to, "{}\n", rseq::slice_length()); },
     store_slice_length},
    {"ostype", 0444, [](Sink& to) { to.write("Linux\n"); }},
    {"osrelease", 0444, [](Sink& to) { to.write("7.2.0-runnel\n"); }},
    {"version", 0444, [](Sink& to) { to.write("#1 SMP PREEMPT Runnel\n"); }},
    {"hostname", 0644, [](Sink& to) { to.write("runnel\n"); }, accept},
    {"ngroups_max", 0444, number<65536>},
    {"cap_last_cap", 0444, number<40>},
    {"threads-max", 0644, number<32768>, accept},
    {"randomize_va_space", 0644, number<2>, accept},
    {"core_pattern", 0644, [](Sink& to) { to.write("core\n"); }, accept},
    // Seam: read from and written to the scheduler's own settings.
    {"sched_rt_period_us", 0644, number<1'000'000>, accept},
    {"sched_rt_runtime_us", 0644, number<950'000>, accept},
    {"sched_rr_timeslice_ms", 0644, number<100>, accept},
    {"sched_child_runs_first", 0644, number<0>, accept},
    {"sched_autogroup_enabled", 0644, number<0>, accept},
    {"sched_deadline_period_max_us", 0644, number<4'194'304>, accept},
    {"sched_deadline_period_min_us", 0644, number<100>, accept},
};
constexpr fs::TextSpec kVm[] = {{"overcommit_memory", 0644, number<1>, accept},
                                {"max_map_count", 0644, number<65530>, accept},
                                {"mmap_min_addr", 0644, number<65536>, accept},
                                {"drop_caches", 0644, number<0>, accept}};
constexpr fs::TextSpec kFs[] = {{"nr_open", 0644, number<1048576>, accept},
                                {"file-max", 0644, number<1048576>, accept},
                                {"pipe-max-size", 0644, number<65536>, accept}};
constexpr fs::DirSpec kSysDirs[] = {{"kernel", kKernel, {}}, {"vm", kVm, {}}, {"fs", kFs, {}}};

} // namespace

std::span<const fs::TextSpec> system_files() { return kFiles; }
constinit const fs::DirSpec kProcSys{"sys", {}, kSysDirs};

} // namespace runnel::user
