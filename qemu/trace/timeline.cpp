// SPDX-License-Identifier: Apache-2.0
#include "qemu/trace/timeline.hpp"

#include "qemu/sort.hpp"
#include "qemu/trace/names.hpp"

#include <algorithm>
#include <set>

namespace runnel::qemu {
namespace {

using trace::Event;
using trace::EventType;

class Builder {
 public:
  explicit Builder(const TraceLog& log) : log_(log) {}

  Timeline build() {
    if (log_.events.empty()) return finish();
    line_.start_ns = log_.events.front().time_ns;
    line_.end_ns = log_.events.back().time_ns;
    // What ran before a CPU's first switch: that switch says it.
    for (const Event& e : log_.events)
      if (e.type == EventType::kSchedSwitch && !cpus_.contains(e.cpu)) {
        const u64 since = std::max(line_.start_ns, first_event(e.cpu));
        cpus_[e.cpu].running =
            Slice{.cpu = e.cpu, .pid = e.pid, .start_ns = since, .prio = trace::packed_prio(e.a)};
        on_cpu_.insert(e.pid);
      }
    for (const Event& e : log_.events) take(e);
    return finish();
  }

 private:
  struct Cpu {
    std::optional<Slice> running;
    std::optional<Event> pick;         // not yet followed by its switch
    std::vector<Interrupt> interrupts; // open ones, the innermost last
  };
  struct Task {
    std::optional<Wakeup> wakeup; // not yet run
    std::optional<Wait> wait;     // not yet run
  };

  /// Of a ring that lost events the time before its oldest one is not known.
  u64 first_event(u32 cpu) const {
    if (!log_.lost.contains(cpu)) return 0;
    for (const Event& e : log_.events)
      if (e.cpu == cpu) return e.time_ns;
    return 0;
  }

  void take(const Event& e) {
    if (e.pid != 0 && (e.pid & 1u << 31) == 0) pids_.insert(e.pid);
    switch (e.type) {
    case EventType::kSchedSwitch:
      return switched(e);
    case EventType::kSchedWaking:
    case EventType::kSchedWakeupNew:
      return waking(e);
    case EventType::kSchedWakeup:
      return woken(e);
    case EventType::kSchedPick:
      cpus_[e.cpu].pick = e;
      return;
    case EventType::kIrqEntry:
      cpus_[e.cpu].interrupts.push_back({.cpu = e.cpu, .start_ns = e.time_ns, .kind = e.a, .number = e.b});
      return;
    case EventType::kIrqExit:
      return interrupt_ended(e);
    case EventType::kSchedStatRuntime:
      line_.accounts.push_back({e, e.pid});
      return;
    default:
      line_.marks.push_back({e, running_on(e.cpu)});
    }
  }

  u32 running_on(u32 cpu) const {
    const auto known = cpus_.find(cpu);
    return known != cpus_.end() && known->second.running ? known->second.running->pid : 0;
  }

  void switched(const Event& e) {
    Cpu& cpu = cpus_[e.cpu];
    const u32 next = trace::packed_low(e.a);
    const auto state = static_cast<u32>(e.b);
    if (next != 0) pids_.insert(next);
    if (cpu.running) {
      cpu.running->end_state = state;
      end_slice(*cpu.running, e.time_ns);
    }
    on_cpu_.erase(e.pid);
    if (e.pid != 0 && stays_queued(state)) {
      tasks_[e.pid].wait = Wait{.pid = e.pid, .start_ns = e.time_ns};
    } else if (Task& left = tasks_[e.pid]; left.wakeup && e.pid != 0) {
      // Woken while it was leaving.
      left.wait = Wait{.pid = e.pid, .start_ns = e.time_ns, .woken = true};
    }
    Slice slice{.cpu = e.cpu,
                .pid = next,
                .start_ns = e.time_ns,
                .prio = trace::packed_prio2(e.a),
                .reason = static_cast<trace::PickReason>(e.b >> 32)};
    if (cpu.pick && cpu.pick->pid == next) {
      slice.has_values = true;
      slice.a = cpu.pick->a;
      slice.b = cpu.pick->b;
    }
    cpu.pick.reset();
    cpu.running = slice;
    if (next != 0) runs(next, e);
  }

  void runs(u32 pid, const Event& e) {
    on_cpu_.insert(pid);
    Task& task = tasks_[pid];
    if (task.wakeup) {
      task.wakeup->run_ns = e.time_ns;
      task.wakeup->run_cpu = e.cpu;
      line_.wakeups.push_back(*task.wakeup);
    }
    if (task.wait) {
      task.wait->end_ns = e.time_ns;
      line_.waits.push_back(*task.wait);
    }
    task = {};
  }

  void waking(const Event& e) {
    Task& task = tasks_[e.pid];
    const auto known = cpus_.find(e.cpu);
    task.wakeup = Wakeup{.pid = e.pid,
                         .waking_ns = e.time_ns,
                         .waker_cpu = e.cpu,
                         .waker_pid = running_on(e.cpu),
                         .by_interrupt = known != cpus_.end() && !known->second.interrupts.empty(),
                         .first = e.type == EventType::kSchedWakeupNew,
                         .target_cpu = trace::packed_low(e.a)};
    if (!on_cpu_.contains(e.pid) && !task.wait)
      task.wait = Wait{.pid = e.pid, .start_ns = e.time_ns, .woken = true};
  }

  void woken(const Event& e) {
    Task& task = tasks_[e.pid];
    if (on_cpu_.contains(e.pid)) {
      task.wakeup.reset(); // it had not left its CPU yet: only its state was set back
    } else if (task.wakeup) {
      task.wakeup->target_cpu = trace::packed_low(e.a);
    } else if (!task.wait) {
      task.wait = Wait{.pid = e.pid, .start_ns = e.time_ns, .woken = true};
    }
  }

  void interrupt_ended(const Event& e) {
    auto& open = cpus_[e.cpu].interrupts;
    if (open.empty()) return; // it began before the trace
    open.back().end_ns = e.time_ns;
    line_.interrupts.push_back(open.back());
    open.pop_back();
  }

  void end_slice(Slice& slice, u64 when) {
    slice.end_ns = when;
    line_.slices.push_back(slice);
  }

  Timeline finish() {
    for (auto& [number, cpu] : cpus_) {
      if (cpu.running) end_slice(*cpu.running, line_.end_ns);
      for (Interrupt& open : cpu.interrupts) {
        open.end_ns = line_.end_ns;
        line_.interrupts.push_back(open);
      }
    }
    for (auto& [pid, task] : tasks_) {
      if (task.wakeup && !on_cpu_.contains(pid)) line_.wakeups.push_back(*task.wakeup);
      if (!task.wait) continue;
      task.wait->end_ns = line_.end_ns;
      line_.waits.push_back(*task.wait);
    }
    sort_by(line_.slices, [](const Slice& s) { return std::pair(s.start_ns, s.cpu); });
    sort_by(line_.wakeups, [](const Wakeup& w) { return std::pair(w.waking_ns, w.pid); });
    sort_by(line_.waits, [](const Wait& w) { return std::pair(w.start_ns, w.pid); });
    sort_by(line_.interrupts, [](const Interrupt& i) { return std::pair(i.start_ns, i.cpu); });
    for (const auto& [cpu, written] : log_.written) line_.cpus.push_back(cpu);
    line_.pids.assign(pids_.begin(), pids_.end());
    return std::move(line_);
  }

  const TraceLog& log_;
  Timeline line_;
  std::map<u32, Cpu> cpus_;
  std::map<u32, Task> tasks_;
  std::set<u32> on_cpu_; // pids; idle threads are never asked for
  std::set<u32> pids_;
};

} // namespace

Timeline make_timeline(const TraceLog& log) { return Builder(log).build(); }

} // namespace runnel::qemu
