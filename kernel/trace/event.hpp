// SPDX-License-Identifier: Apache-2.0
// Scheduling events as they lie in guest memory. Plain data with a fixed layout: the host tool reads it too.
// The kernel announces each CPU's ring as `runnel: bulk trace.cpuN 0xPHYS 0xSIZE`; the ring begins with a
// header.
#pragma once

#include <cstdint>

namespace runnel::trace {

inline constexpr std::uint64_t kRingMagic = 0x31474e49'52435254; // "TRCRING1"

/// First 64 bytes of a ring; `capacity` events follow. Event n lies at slot n % capacity.
struct RingHeader {
  std::uint64_t magic = kRingMagic;
  std::uint32_t cpu = 0;
  std::uint32_t capacity = 0;
  std::uint64_t written = 0; // events ever written; the oldest written - capacity of them are overwritten
  std::uint64_t pad[5] = {};
};
static_assert(sizeof(RingHeader) == 64);

/// Named as Linux's tracepoints. `pid` is the subject; a and b as listed.
enum class EventType : std::uint16_t {
  kNone = 0,
  kTaskName = 1,         // a, b: the 16 bytes of comm
  kSchedSwitch = 2,      // pid: prev; a: next pid; b: prev_state | PickReason << 32
  kSchedWaking = 3,      // pid: wakee
  kSchedWakeup = 4,      // pid: wakee; a: target cpu
  kSchedWakeupNew = 5,   // pid: new task; a: target cpu
  kSchedMigrateTask = 6, // pid; a: from cpu; b: to cpu
  kProcessExit = 7,      // pid
  kIrqEntry = 8,         // a: upcall::Interrupt; b: number
  kIrqExit = 9,
};

/// Why pick_next_task chose what it chose.
enum class PickReason : std::uint32_t {
  kNone = 0,
  kStop = 1,    // the stopper has work
  kOnlyOne = 2, // nothing else was runnable
  kRoundRobin = 3,
  kPulled = 4, // taken from a busier CPU because this one had nothing
  kIdle = 5,   // nothing runnable
};

struct Event {
  std::uint64_t time_ns = 0;
  EventType type = EventType::kNone;
  std::uint16_t cpu = 0;
  std::uint32_t pid = 0;
  std::uint64_t a = 0;
  std::uint64_t b = 0;
};
static_assert(sizeof(Event) == 32);

} // namespace runnel::trace
