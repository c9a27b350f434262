// SPDX-License-Identifier: Apache-2.0
// A virtual CPU as the port sees it, and the few words every port call reads. One host thread runs all of
// them, so plain variables do.
#pragma once

#include "kernel/lib/thread_info.hpp"
#include "sched/sim/timer.hpp"

/// On what is one instruction, or atomic, on a machine: nothing gets in between in the middle of it. (In the
/// test build every access to memory is a point, points.cpp.)
#ifdef RUNNEL_SIM_OBSERVED
#define RUNNEL_SIM_ATOMIC __attribute__((no_sanitize("coverage"), noinline))
#else
#define RUNNEL_SIM_ATOMIC
#endif

namespace runnel::sched {
struct Task;
}

namespace runnel::sim {

class Lock;

inline constexpr u64 kNoTime = kNever.ns;

/// The periodic tick, as kernel/time/tick.cpp.
struct TickTimer : Timer {
  TickTimer() : Timer(fire) {}
  static void fire(Timer& timer);
  bool running = false;
};

/// What a CPU is in the middle of while others go on.
enum class At : u8 {
  kScheduler, // anything below the port's users: the scheduler, an interrupt, a spin
  kTask,      // a task's own code: preemptible, no locks
  kHalt,      // the idle thread's wait for an interrupt
};

struct alignas(kCacheLine) VirtualCpu {
  CpuId id;
  ThreadInfo* current = nullptr; // who runs here
  bool irqs_on = false;
  At at = At::kScheduler;
  bool parked = false;     // taken down: nothing may run here any more
  u64 next_irq = kNoTime;  // when the earliest interrupt is due: the IPI or the first timer
  u64 ipi_at = kNoTime;    // when the reschedule IPI under way arrives; several become one, as on hardware
  u64 resume_at = kNoTime; // when the code that runs here goes on, interrupts aside
  sched::Task* switched_from = nullptr; // by the switch in progress
  PairingHeap<Timer, timer_earlier> timers;
  u64 timer_sequence = 0;
  TickTimer tick;
  Duration irq_time;
  u64 quiescent_passes = 0; // schedule() and halts, for port::synchronize

  static constexpr u32 kMaxHeld = 16;
  u32 nr_held = 0; // spinlocks held, outermost first
  const Lock* held[kMaxHeld] = {};
  const Lock* waits_for = nullptr;

  u32 spins = 0; // turns of wait loops since the last schedule() or task code

  u64 clock_seen = 0; // invariant C13
  u64 clock_task_seen = 0;
};

/// The virtual CPU whose code is being executed.
inline VirtualCpu* executing = nullptr;
/// The virtual clock, ns.
inline u64 now_ns = 0;

/// Fine interleaving: this many points go by before the next one delays the CPU. Coarse: never gets to 0.
inline constexpr u64 kNoPoints = ~u64{0};
inline u64 points_left = kNoPoints;
/// The countdown ended (machine.cpp): other CPUs go on from here, interrupts come in where they are enabled.
void point_reached();
/// A place where other CPUs may get in between.
RUNNEL_SIM_ATOMIC inline void point() {
  if (--points_left == 0) [[unlikely]]
    point_reached();
}

/// Takes the interrupts that are due on the executing CPU, which has them enabled.
void take_interrupts();

} // namespace runnel::sim
