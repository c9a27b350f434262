// SPDX-License-Identifier: Apache-2.0
// Rings of events as a guest would leave them in its memory, written by hand.
#pragma once

#include "qemu/trace/log.hpp"
#include "qemu/trace/names.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace runnel::test_rings {

using trace::Event;
using trace::EventType;
using trace::PickReason;

/// The bytes of one CPU's ring: `written` events were recorded, of which the slots hold the last.
inline std::string ring_bytes(u32 cpu, u32 capacity, u64 written, const std::vector<Event>& slots) {
  trace::RingHeader header;
  header.cpu = cpu;
  header.capacity = capacity;
  header.written = written;
  std::string bytes(sizeof header + capacity * sizeof(Event), '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  if (!slots.empty()) std::memcpy(bytes.data() + sizeof header, slots.data(), slots.size() * sizeof(Event));
  return bytes;
}

/// Events of several CPUs, in the order they are added; `log()` is what the tool reads of them.
class Rings {
 public:
  Rings& name(u32 pid, std::string_view comm, u16 cpu = 0) {
    u64 words[2] = {};
    std::memcpy(words, comm.data(), std::min<std::size_t>(comm.size(), sizeof words));
    return add({0, EventType::kTaskName, cpu, pid, words[0], words[1]});
  }
  Rings& add(const Event& event) {
    events_[event.cpu].push_back(event);
    return *this;
  }
  Rings& switches(u64 time, u16 cpu, u32 prev, u32 state, u32 next, PickReason reason = PickReason::kOnlyOne,
                  int prev_prio = 120, int next_prio = 120) {
    return add({time, EventType::kSchedSwitch, cpu, prev, trace::pack_prio(next, prev_prio, next_prio),
                state | static_cast<u64>(reason) << 32});
  }
  Rings& pick(u64 time, u16 cpu, u32 pid, i64 a, i64 b) {
    return add({time, EventType::kSchedPick, cpu, pid, static_cast<u64>(a), static_cast<u64>(b)});
  }
  Rings& waking(u64 time, u16 cpu, u32 pid, u32 target, int prio = 120) {
    return add({time, EventType::kSchedWaking, cpu, pid, trace::pack_prio(target, prio), 0});
  }
  Rings& wakeup(u64 time, u16 cpu, u32 pid, u32 target, int prio = 120) {
    return add({time, EventType::kSchedWakeup, cpu, pid, trace::pack_prio(target, prio), 0});
  }
  /// So many of this CPU's oldest events were overwritten.
  Rings& lose(u16 cpu, u64 count) {
    lost_[cpu] = count;
    return *this;
  }

  std::map<std::string, std::string> bulk() const {
    std::map<std::string, std::string> all;
    for (const auto& [cpu, events] : events_) {
      const u64 lost = lost_.contains(cpu) ? lost_.at(cpu) : 0;
      // Full when something was lost: then the oldest event lies where the next would be written.
      const auto capacity = static_cast<u32>(events.size() + (lost == 0 ? 3 : 0));
      std::vector<Event> slots(events.size());
      for (u64 n = 0; n < events.size(); ++n) slots[(n + lost) % capacity] = events[n];
      all["trace.cpu" + std::to_string(cpu)] = ring_bytes(cpu, capacity, events.size() + lost, slots);
    }
    return all;
  }
  qemu::TraceLog log() const { return qemu::read_rings(bulk()); }

 private:
  std::map<u16, std::vector<Event>> events_;
  std::map<u16, u64> lost_;
};

inline constexpr u32 kSleeps = 1, kPreempted = qemu::kStatePreempted;

} // namespace runnel::test_rings
