// SPDX-License-Identifier: Apache-2.0
// The text files of /proc/<pid> (spec linux_abi 9).
#include "kernel/fs/walk.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/proc/subject.hpp"

#include <algorithm>
#include <sched/sched.hpp>

namespace runnel::user {
namespace {

constexpr u64 kTick = 10'000'000; // USER_HZ 100, in ns

/// A task for as long as somebody looks at it.
struct TaskHold {
  explicit TaskHold(const Subject& subject) : task(subject.task()) {}
  ~TaskHold() {
    if (task != nullptr) put_task(*task);
  }
  TaskHold(const TaskHold&) = delete;
  TaskHold& operator=(const TaskHold&) = delete;
  Task* task;
};
struct MmHold {
  explicit MmHold(const Subject& subject) : mm(subject.mm()) {}
  ~MmHold() {
    if (mm != nullptr) mm->put();
  }
  MmHold(const MmHold&) = delete;
  MmHold& operator=(const MmHold&) = delete;
  Mm* mm;
};

struct State {
  char letter;
  std::string_view name;
};
State state_of(const Task* task, const ProcDetails& details) {
  if (task == nullptr || details.is_zombie) return {'Z', "zombie"};
  const u32 state = task->state.load(std::memory_order_relaxed);
  if ((state & sched::kStopped) != 0) return {'T', "stopped"};
  if ((state & sched::kTraced) != 0) return {'t', "tracing stop"};
  if ((state & sched::kDead) != 0) return {'X', "dead"};
  if ((state & sched::kInterruptible) != 0) return {'S', "sleeping"};
  if ((state & sched::kUninterruptible) != 0) return {'D', "disk sleep"};
  return {'R', "running"};
}

std::string_view comm_of(const Task* task, const Process& process) {
  if (task != nullptr) return {task->comm};
  return {process.comm};
}

ProcDetails details_of(const Subject& subject, const Task* task) {
  ProcDetails details;
  // The thread's own part is looked at by whoever keeps it, under its locks.
  proc_source.details(subject.process(), task != nullptr ? task->user : nullptr, details);
  if (details.user_ns + details.system_ns == 0 && task != nullptr)
    details.user_ns = static_cast<u64>(sched::task_runtime(const_cast<Task&>(*task)).ns);
  return details;
}

Result<> status(Sink& to, const Subject& subject) {
  const TaskHold hold(subject);
  const Process& process = subject.process();
  const ProcDetails details = details_of(subject, hold.task);
  const State state = state_of(hold.task, details);
  const Credentials& who = process.credentials;
  format_to(
      to, "Name:\t{}\nUmask:\t{}\nState:\t{} ({})\nTgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\nTracerPid:\t0\n",
      comm_of(hold.task, process), "0022", state.letter, state.name, subject.pid(), subject.tid(),
      details.parent);
  format_to(to, "Uid:\t{}\t{}\t{}\t{}\nGid:\t{}\t{}\t{}\t{}\nFDSize:\t64\nGroups:\t \n", who.uid, who.euid,
            who.suid, who.fsuid, who.gid, who.egid, who.sgid, who.fsgid);
  format_to(to, "NStgid:\t{}\nNSpid:\t{}\nNSpgid:\t{}\nNSsid:\t{}\n", subject.pid(), subject.tid(),
            details.group, details.session);
  {
    const MmHold memory(subject);
    if (memory.mm != nullptr) {
      const MmStats stats = memory.mm->stats();
      format_to(to,
                "VmPeak:\t{:8} kB\nVmSize:\t{:8} kB\nVmHWM:\t{:8} kB\nVmRSS:\t{:8} kB\nVmData:\t{:8} "
                "kB\nVmStk:\t{:8} kB\n",
                stats.size_pages * 4, stats.size_pages * 4, stats.peak_resident_pages * 4,
                stats.resident_pages * 4, stats.data_pages * 4, stats.stack_pages * 4);
    }
  }
  format_to(
      to,
      "Threads:\t{}\nSigQ:\t0/"
      "4096\nSigPnd:\t{:016x}\nShdPnd:\t{:016x}\nSigBlk:\t{:016x}\nSigIgn:\t{:016x}\nSigCgt:\t{:016x}\n",
      std::max(subject.nr_threads(), 1u), details.pending, details.shared_pending, details.blocked,
      details.ignored, details.caught);
  // Seam (capabilities): all for root, none for others.
  const u64 capabilities = who.euid == 0 ? (u64{1} << 41) - 1 : 0;
  format_to(to,
            "CapInh:\t{:016x}\nCapPrm:\t{:016x}\nCapEff:\t{:016x}\nCapBnd:\t{:016x}\nCapAmb:\t{:016x}"
            "\nNoNewPrivs:\t{}\nSeccomp:\t0\n",
            u64{0}, capabilities, capabilities, (u64{1} << 41) - 1, u64{0},
            details.no_new_privileges ? 1 : 0);
  if (hold.task != nullptr) {
    to.write("Cpus_allowed_list:\t");
    fs::write_cpu_list(to, hold.task->cpus_mask);
    format_to(to, "\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t{}\n",
              hold.task->stats.nvcsw, hold.task->stats.nivcsw);
  }
  return {};
}

Result<> stat(Sink& to, const Subject& subject) {
  const TaskHold hold(subject);
  const MmHold memory(subject);
  const Task* const task = hold.task;
  const Process& process = subject.process();
  const ProcDetails details = details_of(subject, task);
  const MmStats mm = memory.mm != nullptr ? memory.mm->stats() : MmStats{};
  const ExecAddresses at = memory.mm != nullptr ? memory.mm->addresses : ExecAddresses{};
  const bool real_time = task != nullptr && task->prio < 100;
  const i32 priority = task == nullptr ? 20
                       : real_time     ? -1 - static_cast<i32>(task->rt_priority)
                                       : task->prio - 100;
  // Fields 1 to 13.
  format_to(to, "{} ({}) {} {} {} {} 0 -1 4194304 {} 0 0 0 ", subject.tid(), comm_of(task, process),
            state_of(task, details).letter, details.parent, details.group, details.session,
            std::max(details.minor_faults, mm.minor_faults));
  // 14 to 25: times, priority, threads, start, memory.
  format_to(to, "{} {} 0 0 {} {} {} 0 {} {} {} {} ", details.user_ns / kTick, details.system_ns / kTick,
            priority, task != nullptr ? task->nice() : 0, std::max(subject.nr_threads(), 1u),
            details.start_ns / kTick, mm.size_pages * kPageSize, mm.resident_pages, ~u64{0});
  // 26 to 37: addresses, signals.
  format_to(to, "{} {} 0 0 0 {} {} {} {} 0 0 0 ", at.code_start, at.code_end, details.pending,
            details.blocked, details.ignored, details.caught);
  // 38 to 52.
  format_to(to, "17 {} {} {} 0 0 0 {} {} 0 {} {} {} {} {}\n", task != nullptr ? task->task_cpu().value : 0,
            task != nullptr ? task->rt_priority : 0, task != nullptr ? static_cast<u32>(task->policy) : 0u,
            at.data_start, at.data_end, at.arg_start, at.arg_end, at.env_start, at.env_end,
            process.exit_status);
  return {};
}

Result<> statm(Sink& to, const Subject& subject) {
  const MmHold memory(subject);
  const MmStats mm = memory.mm != nullptr ? memory.mm->stats() : MmStats{};
  format_to(to, "{} {} 0 0 0 {} 0\n", mm.size_pages, mm.resident_pages, mm.data_pages + mm.stack_pages);
  return {};
}

Result<> comm(Sink& to, const Subject& subject) {
  const TaskHold hold(subject);
  format_to(to, "{}\n", comm_of(hold.task, subject.process()));
  return {};
}
Result<> set_comm(const Subject& subject, std::string_view text) {
  const TaskHold hold(subject);
  if (hold.task == nullptr) return err(Errno::kSRCH);
  char name[sizeof hold.task->comm] = {};
  std::copy_n(text.begin(), std::min(text.size(), sizeof name - 1), name);
  std::copy_n(name, sizeof name, hold.task->comm);
  return {};
}

/// Strings of the program's stack, as they are there now.
Result<> strings(Sink& to, const Subject& subject, u64 ExecAddresses::* start, u64 ExecAddresses::* end) {
  const MmHold memory(subject);
  if (memory.mm == nullptr) return {};
  const u64 stop = memory.mm->addresses.*end;
  for (u64 at = memory.mm->addresses.*start; at < stop;) {
    std::byte bytes[256];
    const usize n = static_cast<usize>(std::min<u64>(sizeof bytes, stop - at));
    if (!memory.mm->copy_out({bytes, n}, at)) break;
    to.write({reinterpret_cast<const char*>(bytes), n});
    at += n;
  }
  return {};
}
Result<> cmdline(Sink& to, const Subject& subject) {
  return strings(to, subject, &ExecAddresses::arg_start, &ExecAddresses::arg_end);
}
Result<> environ(Sink& to, const Subject& subject) {
  return strings(to, subject, &ExecAddresses::env_start, &ExecAddresses::env_end);
}

Result<> maps(Sink& to, const Subject& subject) {
  const MmHold memory(subject);
  if (memory.mm == nullptr) return {};
  memory.mm->for_each_vma([&](const VmaInfo& vma) {
    char line[128];
    BufferSink text(line);
    const auto right = [&](u32 flag, char c) { return (vma.flags & flag) != 0 ? c : '-'; };
    format_to(text, "{:08x}-{:08x} {}{}{}{} {:08x} 00:00 {} ", vma.start, vma.end, right(kVmRead, 'r'),
              right(kVmWrite, 'w'), right(kVmExec, 'x'), (vma.flags & kVmShared) != 0 ? 's' : 'p', vma.offset,
              vma.inode);
    constexpr usize kNameAt = 73;
    while (!vma.name.empty() && text.view().size() < kNameAt) text.write(" ");
    to.write(text.view());
    to.write(vma.name);
    to.write("\n");
  });
  return {};
}

Result<> limits(Sink& to, const Subject& subject) {
  struct Row {
    std::string_view name, unit;
    u32 limit;
  };
  constexpr Row kRows[] = {
      {"Max cpu time", "seconds", kLimitCpu},           {"Max file size", "bytes", kLimitFileSize},
      {"Max data size", "bytes", kLimitData},           {"Max stack size", "bytes", kLimitStack},
      {"Max core file size", "bytes", kLimitCore},      {"Max resident set", "bytes", kLimitResident},
      {"Max processes", "processes", kLimitProcesses},  {"Max open files", "files", kLimitFiles},
      {"Max locked memory", "bytes", kLimitMemoryLock}, {"Max address space", "bytes", kLimitAddressSpace},
      {"Max file locks", "locks", kLimitLocks},         {"Max pending signals", "signals", kLimitSignals},
      {"Max msgqueue size", "bytes", kLimitMessages},   {"Max nice priority", "", kLimitNice},
      {"Max realtime priority", "", kLimitRealTime},    {"Max realtime timeout", "us", kLimitRealTimeRun}};
  format_to(to, "{:25} {:20} {:20} {:10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
  for (const Row& row : kRows) {
    const Limit& limit = subject.process().limits[row.limit];
    char text[2][24];
    BufferSink soft(text[0]), hard(text[1]);
    const auto put = [](BufferSink& sink, u64 value) {
      if (value == Limit::kInfinity)
        sink.write("unlimited");
      else
        format_to(sink, "{}", value);
    };
    put(soft, limit.soft);
    put(hard, limit.hard);
    format_to(to, "{:25} {:20} {:20} {:10}\n", row.name, soft.view(), hard.view(), row.unit);
  }
  return {};
}

void for_each_mount(void (*line)(Sink& to, const fs::Mount& mount), Sink& to) {
  const MutexGuard guard(fs::tree_lock);
  for (const fs::Mount* mount = fs::first_mount(); mount != nullptr; mount = mount->next) line(to, *mount);
}
Result<> mounts(Sink& to, const Subject&) {
  for_each_mount(
      [](Sink& text, const fs::Mount& m) {
        format_to(text, "{} {} {} rw,relatime 0 0\n", m.source, m.where, m.sb->type_name);
      },
      to);
  return {};
}
Result<> mountinfo(Sink& to, const Subject&) {
  for_each_mount(
      [](Sink& text, const fs::Mount& m) {
        format_to(text, "{} {} 0:{} / {} rw,relatime - {} {} rw\n", m.id, m.parent ? m.parent->id : m.id,
                  m.sb->device(), m.where, m.sb->type_name, m.source);
      },
      to);
  return {};
}

Result<> id_map(Sink& to, const Subject&) { // seam (user namespaces)
  format_to(to, "{:10} {:10} {:10}\n", 0, 0, ~u32{0});
  return {};
}
Result<> cgroup(Sink& to, const Subject&) { // seam (cgroups)
  to.write("0::/\n");
  return {};
}
Result<> zero(Sink& to, const Subject&) {
  to.write("0\n");
  return {};
}
Result<> accept(const Subject&, std::string_view) { return {}; }
Result<> wchan(Sink& to, const Subject&) {
  to.write("0");
  return {};
}

Result<> schedule_text(Sink& to, const Subject& subject) {
  const TaskHold hold(subject);
  if (hold.task == nullptr) return err(Errno::kSRCH);
  const Task& task = *hold.task;
  const u64 ran = static_cast<u64>(sched::task_runtime(*hold.task).ns);
  format_to(to, "{} ({}, #threads: {})\n", task.comm, subject.tid(), subject.nr_threads());
  format_to(to,
            "se.sum_exec_runtime : {}.{:06}\nnr_migrations : {}\nnr_switches : {}\nnr_voluntary_switches : "
            "{}\nnr_involuntary_switches : {}\npolicy : {}\nprio : {}\n",
            ran / 1'000'000, ran % 1'000'000, task.stats.nr_migrations, task.stats.nvcsw + task.stats.nivcsw,
            task.stats.nvcsw, task.stats.nivcsw, static_cast<u32>(task.policy), task.prio);
  return {};
}
Result<> schedstat(Sink& to, const Subject& subject) {
  const TaskHold hold(subject);
  if (hold.task == nullptr) return err(Errno::kSRCH);
  format_to(to, "{} {} {}\n", sched::task_runtime(*hold.task).ns, hold.task->stats.wait_sum.ns,
            hold.task->stats.nvcsw + hold.task->stats.nivcsw);
  return {};
}

constexpr ProcFile kFiles[] = {{"status", 0444, status},
                               {"stat", 0444, stat},
                               {"statm", 0444, statm},
                               {"comm", 0644, comm, set_comm},
                               {"cmdline", 0444, cmdline},
                               {"environ", 0400, environ},
                               {"maps", 0444, maps},
                               {"limits", 0444, limits},
                               {"mounts", 0444, mounts},
                               {"mountinfo", 0444, mountinfo},
                               {"uid_map", 0644, id_map},
                               {"gid_map", 0644, id_map},
                               {"setgroups", 0644,
                                [](Sink& to, const Subject&) -> Result<> {
                                  to.write("allow\n");
                                  return {};
                                }},
                               {"cgroup", 0444, cgroup},
                               {"oom_score", 0444, zero},
                               {"oom_score_adj", 0644, zero, accept},
                               {"loginuid", 0644, zero, accept},
                               {"wchan", 0444, wchan},
                               {"sched", 0644, schedule_text},
                               {"schedstat", 0444, schedstat}};

} // namespace

std::span<const ProcFile> process_files() { return kFiles; }

} // namespace runnel::user
