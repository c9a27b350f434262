// SPDX-License-Identifier: Apache-2.0
#include "qemu/trace/text.hpp"

#include "qemu/trace/names.hpp"

#include <fmt/format.h>
#include <ranges>
#include <set>
#include <utility>

namespace runnel::qemu {
namespace {

using trace::Event;
using trace::EventType;

constexpr std::string_view kLegend = "#\n"
                                     "#                                _-----=> irqs-off/BH-disabled\n"
                                     "#                               / _----=> need-resched\n"
                                     "#                              | / _---=> hardirq/softirq\n"
                                     "#                              || / _--=> preempt-depth\n"
                                     "#                              ||| / _-=> migrate-disable\n"
                                     "#                              |||| /     delay\n"
                                     "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
                                     "#              | |         |   |||||     |         |\n";

/// Readers cut the fields at blanks and at '=': a name must hold neither, nor a line end.
std::string field(std::string comm) {
  for (char& c : comm)
    if (static_cast<unsigned char>(c) <= ' ' || c == '=' || c == '\x7f') c = '_';
  return comm;
}

class Writer {
 public:
  explicit Writer(const TraceLog& log) : log_(log) {
    // Who ran on a CPU before its first switch: that switch says it.
    for (const Event& e : log.events)
      if (e.type == EventType::kSchedSwitch) cpus_.try_emplace(e.cpu, Cpu{.pid = e.pid});
    // Why a task was picked stands in the switch that follows the pick.
    std::map<u32, const Event*> following;
    for (const Event& e : log.events | std::views::reverse) {
      if (e.type == EventType::kSchedSwitch) following[e.cpu] = &e;
      if (e.type != EventType::kSchedPick) continue;
      const Event* next = std::exchange(following[e.cpu], nullptr);
      if (next != nullptr && trace::packed_low(next->a) == e.pid)
        reasons_[&e] = static_cast<trace::PickReason>(next->b >> 32);
    }
  }

  std::string text() {
    u64 written = 0;
    for (const auto& [cpu, n] : log_.written) written += n;
    std::string out = fmt::format("# tracer: nop\n#\n# entries-in-buffer/entries-written: {}/{}   #P:{}\n",
                                  log_.events.size(), written, log_.written.size());
    for (const auto& [cpu, n] : log_.lost)
      out += fmt::format("# cpu {}: the oldest {} events were overwritten\n", cpu, n);
    out += kLegend;
    for (const Event& e : log_.events) {
      Cpu& cpu = cpus_[e.cpu];
      if (e.type == EventType::kIrqEntry) ++cpu.irq_depth;
      out += line(e, cpu);
      if (e.type == EventType::kIrqExit && cpu.irq_depth > 0) --cpu.irq_depth;
      if (e.type == EventType::kProcessExit) exited_.insert(e.pid);
      if (e.type == EventType::kSchedSwitch) cpu.pid = trace::packed_low(e.a);
    }
    return out;
  }

 private:
  struct Cpu {
    u32 pid = 0, irq_depth = 0;
  };

  std::string comm(u32 pid, u32 cpu) const { return field(log_.name_of(pid, cpu)); }

  std::string line(const Event& e, const Cpu& cpu) const {
    // ftrace calls the running idle thread <idle>, and rounds to the nearest microsecond.
    const std::string task = cpu.pid == 0 ? "<idle>" : comm(cpu.pid, e.cpu);
    const u64 us = e.time_ns / 1000 + (e.time_ns % 1000 >= 500 ? 1 : 0);
    return fmt::format("{:>16}-{:<7} [{:03}] {} {:5}.{:06}: {}\n", task, cpu.pid, e.cpu, flags(e, cpu),
                       us / 1'000'000, us % 1'000'000, body(e));
  }

  /// Every event is recorded with interrupts off. In a switch preemption is off twice, by schedule() and by
  /// the runqueue's lock; the depth elsewhere, need-resched and migrate-disable are not recorded.
  static std::string flags(const Event& e, const Cpu& cpu) {
    return fmt::format("d.{}{}.", cpu.irq_depth > 0 ? 'h' : '.',
                       e.type == EventType::kSchedSwitch ? '2' : '.');
  }

  std::string subject(const Event& e) const {
    return fmt::format("comm={} pid={}", comm(e.pid, e.cpu), e.pid);
  }

  std::string woken(const Event& e) const {
    const u32 target = trace::packed_low(e.a);
    return fmt::format("{}: comm={} pid={} prio={} target_cpu={:03}", name_of(e.type), comm(e.pid, target),
                       e.pid, trace::packed_prio(e.a), target);
  }

  std::string switched(const Event& e) const {
    const u32 next = trace::packed_low(e.a);
    auto state = static_cast<u32>(e.b);
    // The dead have a bit of their own in task->state, which is idle's in this text.
    if (state == kStateIdle && exited_.contains(e.pid)) state = kStateExitDead;
    return fmt::format("sched_switch: prev_comm={} prev_pid={} prev_prio={} prev_state={} ==> "
                       "next_comm={} next_pid={} next_prio={}",
                       comm(e.pid, e.cpu), e.pid, trace::packed_prio(e.a), state_letters(state),
                       comm(next, e.cpu), next, trace::packed_prio2(e.a));
  }

  std::string interrupt(const Event& e) const {
    const bool entry = e.type == EventType::kIrqEntry;
    const std::string name = interrupt_name(e.a, e.b);
    if (name.starts_with("ipi")) return fmt::format("ipi_{}: ({})", entry ? "entry" : "exit", name.substr(4));
    return entry ? fmt::format("irq_handler_entry: irq={} name={}", e.b, name.substr(0, name.find(' ')))
                 : fmt::format("irq_handler_exit: irq={} ret=handled", e.b);
  }

  /// What Linux has no tracepoint for.
  static std::string mark(const Event& e, u32 pid, const std::string& text) {
    return fmt::format("tracing_mark_write: I|{}|{}{}{}", pid, name_of(e.type), text.empty() ? "" : " ",
                       text);
  }

  static std::string bandwidth(const Event& e) {
    const bool server = (e.pid & 1u << 31) != 0;
    return fmt::format("{} runtime={} deadline={}", server ? "server" : fmt::format("pid={}", e.pid),
                       static_cast<i64>(e.a), e.b);
  }

  std::string body(const Event& e) const {
    const u32 running = cpus_.contains(e.cpu) ? cpus_.at(e.cpu).pid : 0;
    switch (e.type) {
    case EventType::kSchedSwitch:
      return switched(e);
    case EventType::kSchedWaking:
    case EventType::kSchedWakeup:
    case EventType::kSchedWakeupNew:
      return woken(e);
    case EventType::kSchedMigrateTask:
      return fmt::format("sched_migrate_task: {} prio={} orig_cpu={} dest_cpu={}", subject(e),
                         trace::packed_prio(e.a), trace::packed_low(e.a), e.b);
    case EventType::kProcessExit:
      // Every thread of this kernel is a group of its own.
      return fmt::format("sched_process_exit: {} prio={} group_dead=true", subject(e),
                         trace::packed_prio(e.a));
    case EventType::kIrqEntry:
    case EventType::kIrqExit:
      return interrupt(e);
    case EventType::kSchedStatRuntime:
      return fmt::format("sched_stat_runtime: {} runtime={} [ns]", subject(e), e.a);
    case EventType::kSchedPiSetprio:
      return fmt::format("sched_pi_setprio: {} oldprio={} newprio={}", subject(e), static_cast<i64>(e.a),
                         static_cast<i64>(e.b));
    case EventType::kProcessFork:
      return fmt::format("sched_process_fork: {} child_comm={} child_pid={}", subject(e),
                         comm(static_cast<u32>(e.a), e.cpu), static_cast<u32>(e.a));
    case EventType::kSchedWakeIdleWithoutIpi:
      return fmt::format("sched_wake_idle_without_ipi: cpu={}", e.a);
    case EventType::kSchedPick: {
      const auto known = reasons_.find(&e);
      const auto reason = known != reasons_.end() ? known->second : trace::PickReason::kNone;
      const std::string values = values_of(reason, e.a, e.b);
      return mark(e, running,
                  fmt::format("pid={} reason={}{}{}", e.pid, name_of(reason).name, values.empty() ? "" : " ",
                              values));
    }
    case EventType::kDlReplenish:
    case EventType::kDlThrottle:
    case EventType::kDlServerStart:
    case EventType::kDlServerStop:
      return mark(e, running, bandwidth(e));
    case EventType::kDeadlineMiss:
      return mark(e, e.pid, fmt::format("pid={} deadline={} late={}", e.pid, e.a, e.b));
    case EventType::kSchedProxy:
      return mark(e, running, fmt::format("pid={} donor={}", e.pid, e.a));
    case EventType::kMark:
      return mark(e, e.pid, fmt::format("{}", e.a));
    case EventType::kNone:
    case EventType::kTaskName:
      break;
    }
    return mark(e, running, fmt::format("pid={} a={:#x} b={:#x}", e.pid, e.a, e.b));
  }

  const TraceLog& log_;
  std::map<u32, Cpu> cpus_;
  std::set<u32> exited_;
  std::map<const Event*, trace::PickReason> reasons_;
};

} // namespace

std::string to_text(const TraceLog& log) { return Writer(log).text(); }

} // namespace runnel::qemu
