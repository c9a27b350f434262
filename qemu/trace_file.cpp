// SPDX-License-Identifier: Apache-2.0
#include "qemu/trace_file.hpp"

#include "qemu/sort.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace runnel::qemu {
namespace {

using trace::Event;
using trace::EventType;

void read_ring(const std::string& name, std::string_view bytes, TraceLog& log) {
  trace::RingHeader header;
  if (bytes.size() < sizeof header) throw std::runtime_error(name + ": too short for a ring");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != trace::kRingMagic) throw std::runtime_error(name + ": not a ring of events");
  bytes.remove_prefix(sizeof header);
  if (header.capacity == 0 || header.capacity > bytes.size() / sizeof(Event))
    throw std::runtime_error(fmt::format("{}: a capacity of {} events does not fit", name, header.capacity));
  const u64 kept = std::min<u64>(header.written, header.capacity);
  if (kept < header.written) log.lost[header.cpu] = header.written - kept;
  for (u64 n = header.written - kept; n < header.written; ++n) {
    Event event;
    std::memcpy(&event, bytes.data() + n % header.capacity * sizeof event, sizeof event);
    if (event.type == EventType::kTaskName) {
      char comm[17] = {};
      std::memcpy(comm, &event.a, 8);
      std::memcpy(comm + 8, &event.b, 8);
      log.names[event.pid] = comm;
    }
    log.events.push_back(event);
  }
}

std::string who(const TraceLog& log, u64 pid) {
  const auto known = log.names.find(static_cast<u32>(pid));
  return fmt::format("{}/{}", known != log.names.end() ? known->second : "?", pid);
}

const char* reason_name(u64 reason) {
  static constexpr const char* kNames[] = {"none", "stop", "only-one", "round-robin", "pulled", "idle"};
  return reason < std::size(kNames) ? kNames[reason] : "?";
}

std::string describe(const TraceLog& log, const Event& e) {
  switch (e.type) {
  case EventType::kNone:
    return "none";
  case EventType::kTaskName:
    return fmt::format("task_name: {}", who(log, e.pid));
  case EventType::kSchedSwitch:
    return fmt::format("sched_switch: {} state={:#x} ==> {} reason={}", who(log, e.pid), e.b & 0xffff'ffff,
                       who(log, e.a), reason_name(e.b >> 32));
  case EventType::kSchedWaking:
    return fmt::format("sched_waking: {}", who(log, e.pid));
  case EventType::kSchedWakeup:
    return fmt::format("sched_wakeup: {} target_cpu={}", who(log, e.pid), e.a);
  case EventType::kSchedWakeupNew:
    return fmt::format("sched_wakeup_new: {} target_cpu={}", who(log, e.pid), e.a);
  case EventType::kSchedMigrateTask:
    return fmt::format("sched_migrate_task: {} orig_cpu={} dest_cpu={}", who(log, e.pid), e.a, e.b);
  case EventType::kProcessExit:
    return fmt::format("sched_process_exit: {}", who(log, e.pid));
  case EventType::kIrqEntry:
    return fmt::format("irq_entry: kind={} number={}", e.a, e.b);
  case EventType::kIrqExit:
    return "irq_exit";
  }
  return fmt::format("event {}: pid={} a={:#x} b={:#x}", static_cast<u32>(e.type), e.pid, e.a, e.b);
}

} // namespace

TraceLog read_rings(const std::map<std::string, std::string>& bulk) {
  TraceLog log;
  for (const auto& [name, bytes] : bulk)
    if (name.starts_with("trace.cpu")) read_ring(name, bytes, log);
  sort_by(log.events, [](const Event& e) { return std::pair(e.time_ns, e.cpu); });
  return log;
}

std::string to_text(const TraceLog& log) {
  std::string out;
  for (const auto& [cpu, n] : log.lost)
    out += fmt::format("# cpu {}: the oldest {} events were overwritten\n", cpu, n);
  for (const Event& e : log.events)
    out += fmt::format("{:6}.{:09} [{:03}] {}\n", e.time_ns / 1'000'000'000, e.time_ns % 1'000'000'000, e.cpu,
                       describe(log, e));
  return out;
}

std::string to_chrome_json(const TraceLog& log) {
  using Json = nlohmann::ordered_json;
  struct Running {
    u64 pid = 0, since_ns = 0;
  };
  std::map<u32, Running> running;
  Json events = Json::array();
  const auto us = [](u64 ns) { return static_cast<double>(ns) / 1000; };
  for (const Event& e : log.events) {
    if (e.type == EventType::kSchedSwitch) {
      Running& now = running[e.cpu];
      // Its name says whether a CPU's own idle thread ran: those stay white.
      if (now.since_ns != 0 && now.pid != 0)
        events.push_back({{"name", who(log, now.pid)},
                          {"ph", "X"},
                          {"pid", 0},
                          {"tid", e.cpu},
                          {"ts", us(now.since_ns)},
                          {"dur", us(e.time_ns - now.since_ns)}});
      now = {e.a, e.time_ns};
    } else if (e.type != EventType::kTaskName && e.type != EventType::kIrqExit) {
      events.push_back({{"name", describe(log, e)},
                        {"ph", "i"},
                        {"s", "t"},
                        {"pid", 0},
                        {"tid", e.cpu},
                        {"ts", us(e.time_ns)}});
    }
  }
  for (const auto& [cpu, state] : running)
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", 0},
                      {"tid", cpu},
                      {"args", {{"name", fmt::format("cpu {}", cpu)}}}});
  return Json{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ns"}}.dump() + "\n";
}

} // namespace runnel::qemu
