// SPDX-License-Identifier: Apache-2.0
// Scheduling events as they lie in guest memory. Plain data with a fixed layout: the host tool reads it too.
// The kernel announces each CPU's ring as `runnel: bulk trace.cpuN 0xPHYS 0xSIZE`; the ring begins with a
// header.
#pragma once

#include <cstdint>

namespace runnel::trace {

inline constexpr std::uint64_t kRingMagic = 0x32474e49'52435254; // "TRCRING2"

/// First 64 bytes of a ring; `capacity` events follow. Event n lies at slot n % capacity.
struct RingHeader {
  std::uint64_t magic = kRingMagic;
  std::uint32_t cpu = 0;
  std::uint32_t capacity = 0;
  std::uint64_t written = 0; // events ever written; the oldest written - capacity of them are overwritten
  std::uint64_t pad[5] = {};
};
static_assert(sizeof(RingHeader) == 64);

/// Named as Linux's tracepoints (spec sched_core 8.2). `pid` is the subject; a and b as listed, low bits
/// first. A prio is the internal one (-1 deadline, 0..98 rt, 100..139 fair) in 16 signed bits.
enum class EventType : std::uint16_t {
  kNone = 0,
  kTaskName = 1, // a, b: the 16 bytes of comm
  kSchedSwitch =
      2, // pid: prev; a: next pid:32 | prev prio:16 | next prio:16; b: prev_state:32 | PickReason:32
  kSchedWaking = 3,      // pid: wakee; a: target cpu:32 | prio:16. Recorded on the waker's CPU
  kSchedWakeup = 4,      // as kSchedWaking; recorded where it became runnable
  kSchedWakeupNew = 5,   // as kSchedWaking
  kSchedMigrateTask = 6, // pid; a: from cpu:32 | prio:16; b: to cpu
  kProcessExit = 7,      // pid; a: prio:16
  kIrqEntry = 8,         // a: upcall::Interrupt; b: number
  kIrqExit = 9,
  kSchedPick = 10, // pid: picked; a, b: the values that decided, see PickReason. Just before the switch
  kSchedStatRuntime = 11, // pid; a: ns
  kSchedPiSetprio = 12,   // pid; a: old prio; b: new prio (signed)
  kProcessFork = 13,      // pid: parent; a: child pid
  kDlReplenish =
      14, // pid (0 | 1 << 31: a server of this CPU); a: runtime ns (signed); b: absolute deadline ns
  kDlThrottle = 15,    // as kDlReplenish
  kDlServerStart = 16, // a: runtime ns; b: absolute deadline ns
  kDlServerStop = 17,
  kDeadlineMiss = 18, // pid; a: the deadline that was missed; b: how late, ns. By whoever knows the job's end
  kSchedWakeIdleWithoutIpi = 19, // a: cpu
  kSchedProxy = 20,              // pid: who executes; a: donor pid
  kMark = 21,                    // pid; a: number. A scenario's `mark` event
};

/// Why pick_next_task chose what it chose, and what kSchedPick's a and b hold then.
enum class PickReason : std::uint32_t {
  kNone = 0,
  kStop = 1,       // the stopper has work
  kOnlyOne = 2,    // nothing else was runnable
  kRoundRobin = 3, // (workload-less teaching class)
  kPulled = 4,     // taken from a busier CPU because this one had nothing; a: from cpu
  kIdle = 5,       // nothing runnable
  kEarliestEligible =
      6, // fair: of those with lag >= 0 the earliest virtual deadline; a: deadline - V, b: lag (signed)
  kProtected = 7,   // fair: current keeps its protected slice; a: vprot - v, b: lag
  kBuddy = 8,       // fair: the next buddy; a: deadline - V, b: lag
  kCurrentBest = 9, // fair: current is eligible and has the earliest deadline; a, b as kEarliestEligible
  kRtHighest = 10,  // rt: head of the highest list; a: rt priority, b: rt tasks queued
  kEarliestDeadline = 11, // deadline; a: absolute deadline, b: runtime left (signed)
  kServer = 12,           // a deadline server lets its class run; a: server's deadline, b: its runtime left
  kProxyOwner = 13,       // runs because a donor waits for a mutex it owns; a: donor pid
  kExt = 14,
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

/// Packing of kSchedSwitch, kSchedWaking and their like.
constexpr std::uint64_t pack_prio(std::uint32_t low, int prio, int prio2 = 0) {
  return low | std::uint64_t{static_cast<std::uint16_t>(prio)} << 32 |
         std::uint64_t{static_cast<std::uint16_t>(prio2)} << 48;
}
constexpr std::uint32_t packed_low(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
constexpr int packed_prio(std::uint64_t word) { return static_cast<std::int16_t>(word >> 32 & 0xffff); }
constexpr int packed_prio2(std::uint64_t word) { return static_cast<std::int16_t>(word >> 48); }

} // namespace runnel::trace
