// SPDX-License-Identifier: Apache-2.0
#include "sched/sim/event_text.hpp"

#include "sched/sim/machine.hpp"

#include <cstdio>

namespace runnel::sim {
namespace {

using trace::EventType;

const char* name_of(EventType type) {
  switch (type) {
  case EventType::kSchedWaking:
    return "waking";
  case EventType::kSchedWakeup:
    return "wakeup";
  case EventType::kSchedWakeupNew:
    return "wakeup-new";
  case EventType::kProcessExit:
    return "exit";
  case EventType::kSchedStatRuntime:
    return "runtime";
  case EventType::kSchedPiSetprio:
    return "pi-setprio";
  case EventType::kProcessFork:
    return "fork";
  case EventType::kDlReplenish:
    return "dl-replenish";
  case EventType::kDlThrottle:
    return "dl-throttle";
  case EventType::kDlServerStart:
    return "dl-server-start";
  case EventType::kDlServerStop:
    return "dl-server-stop";
  case EventType::kDeadlineMiss:
    return "deadline-miss";
  case EventType::kSchedWakeIdleWithoutIpi:
    return "wake-idle-without-ipi";
  case EventType::kSchedProxy:
    return "proxy";
  case EventType::kMark:
    return "mark";
  default:
    return "event";
  }
}

} // namespace

std::string to_string(const trace::Event& event) {
  char text[160];
  const int begin = std::snprintf(text, sizeof text, "%12.6f cpu %-4u ",
                                  static_cast<double>(event.time_ns - kStartTime) / 1e6, unsigned{event.cpu});
  char* rest = text + begin;
  const usize room = sizeof text - static_cast<usize>(begin);
  const u32 low = trace::packed_low(event.a);
  switch (event.type) {
  case EventType::kSchedSwitch:
    std::snprintf(rest, room, "switch %u -> %u, prio %d -> %d, state %u, reason %u", event.pid, low,
                  trace::packed_prio(event.a), trace::packed_prio2(event.a), trace::packed_low(event.b),
                  static_cast<u32>(event.b >> 32));
    break;
  case EventType::kSchedMigrateTask:
    std::snprintf(rest, room, "migrate %u: cpu %u -> %llu", event.pid, low,
                  static_cast<unsigned long long>(event.b));
    break;
  case EventType::kSchedWaking:
  case EventType::kSchedWakeup:
  case EventType::kSchedWakeupNew:
    std::snprintf(rest, room, "%s %u on cpu %u, prio %d", name_of(event.type), event.pid, low,
                  trace::packed_prio(event.a));
    break;
  case EventType::kSchedPick:
    std::snprintf(rest, room, "pick %u (%lld, %lld)", event.pid, static_cast<long long>(event.a),
                  static_cast<long long>(event.b));
    break;
  default:
    std::snprintf(rest, room, "%s(%u) %u: %llu, %llu", name_of(event.type), static_cast<u32>(event.type),
                  event.pid, static_cast<unsigned long long>(event.a),
                  static_cast<unsigned long long>(event.b));
  }
  return text;
}

} // namespace runnel::sim
