// SPDX-License-Identifier: Apache-2.0
// Scenario -> the text form the kernel parses; kernel/workload/parse.hpp describes every line.
#include "qemu/scenario/scenario.hpp"

#include <fmt/format.h>

namespace runnel::scenario {

namespace {

constexpr u32 kFormatVersion = 2;

/// One word of letters the text form allows; what does not belong there becomes '_'.
std::string word(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("._+-").find(c) != std::string_view::npos;
    out += plain ? c : '_';
  }
  return out.empty() ? "_" : out.substr(0, kMaxNameLength);
}

std::string_view policy_word(Policy policy) {
  switch (policy) {
  case Policy::kOther:
    return "other";
  case Policy::kBatch:
    return "batch";
  case Policy::kIdle:
    return "idle";
  case Policy::kRr:
    return "rr";
  case Policy::kFifo:
    return "fifo";
  case Policy::kDeadline:
    return "deadline";
  }
  return "";
}

void put_params(std::string& out, const SchedParams& params) {
  out += fmt::format(" policy={}", policy_word(params.policy));
  switch (params.policy) {
  case Policy::kOther:
  case Policy::kBatch:
  case Policy::kIdle:
    if (params.nice != 0) out += fmt::format(" nice={}", params.nice);
    if (params.slice_ns != 0) out += fmt::format(" runtime={}", params.slice_ns);
    return;
  case Policy::kRr:
  case Policy::kFifo:
    out += fmt::format(" priority={}", params.priority);
    return;
  case Policy::kDeadline:
    out += fmt::format(" runtime={} deadline={} period={}", params.dl_runtime_ns, params.dl_deadline_ns,
                       params.dl_period_ns);
    return;
  }
}

void put_attributes(std::string& out, const Attributes& attributes) {
  if (attributes.sched) put_params(out, *attributes.sched);
  if (attributes.cpus) out += fmt::format(" cpus={:#x}", *attributes.cpus);
  out += '\n';
}

std::string event_line(const Event& event) {
  switch (event.kind) {
  case EventKind::kRun:
    return fmt::format("run {}", event.ns);
  case EventKind::kRuntime:
    return fmt::format("runtime {}", event.ns);
  case EventKind::kSleep:
    return fmt::format("sleep {}", event.ns);
  case EventKind::kTimer:
    return fmt::format("timer {} {} {} {}", event.scope == TimerScope::kOwn ? "own" : "shared", event.object,
                       event.ns, event.mode == TimerMode::kAbsolute ? "absolute" : "relative");
  case EventKind::kLock:
    return fmt::format("lock {}", event.object);
  case EventKind::kUnlock:
    return fmt::format("unlock {}", event.object);
  case EventKind::kWait:
    return fmt::format("wait {} {}", event.object, event.mutex);
  case EventKind::kSignal:
    return fmt::format("signal {}", event.object);
  case EventKind::kBroadcast:
    return fmt::format("broadcast {}", event.object);
  case EventKind::kSync:
    return fmt::format("sync {} {}", event.object, event.mutex);
  case EventKind::kBarrier:
    return fmt::format("barrier {}", event.object);
  case EventKind::kSuspend:
    return "suspend";
  case EventKind::kResume:
    return fmt::format("resume {}", event.object);
  case EventKind::kYield:
    return "yield";
  case EventKind::kFork:
    return fmt::format("fork {}", event.object);
  case EventKind::kSemPost:
    return fmt::format("sem-post {}", event.object);
  case EventKind::kSemWait:
    return fmt::format("sem-wait {}", event.object);
  case EventKind::kMark:
    return fmt::format("mark {}", event.number);
  case EventKind::kMem:
    return fmt::format("mem {}", event.number);
  }
  return {};
}

} // namespace

std::string compile(const Scenario& scenario) {
  std::string out = fmt::format("runnel-workload {}\n", kFormatVersion);
  out += fmt::format("duration {}\n", scenario.duration_ns.value_or(0));
  out += fmt::format("objects mutexes={} conditions={} semaphores={} timers={}\n", scenario.mutexes.size(),
                     scenario.conditions.size(), scenario.semaphores.size(), scenario.timers.size());
  for (const u32 users : scenario.barrier_users) out += fmt::format("barrier-users {}\n", users);
  for (const Task& task : scenario.tasks) {
    out += fmt::format("task {} instances={} loop={} delay={} timers={}", word(task.name), task.instances,
                       task.loop, task.delay_ns, task.own_timers);
    put_attributes(out, task.attributes);
    for (const Phase& phase : task.phases) {
      out += fmt::format("phase {} loop={}", word(phase.name), phase.loop);
      put_attributes(out, phase.attributes);
      for (const Event& event : phase.events) out += event_line(event) + '\n';
    }
  }
  return out + "end\n";
}

} // namespace runnel::scenario
