// SPDX-License-Identifier: Apache-2.0
// Finds what makes no progress, in guest time: a CPU that stopped taking interrupts (its neighbour notices),
// a test or a whole run over its limit. Each ends the run with a hang report: every CPU's stack, exit code
// kHang.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel {

/// Every CPU's tick calls it, in interrupt context; cheap, does its work a few times a second. Takes no lock.
void watchdog_tick();

/// Proof of life of this CPU, from every interrupt (interrupts off).
void watchdog_touch();

/// Starts the watchdog's own timer on every online CPU: checks go on when all CPUs are idle and without
/// ticks, and `runnel: alive SECONDS` tells the host once a second. Thread context. Until watchdog_stop.
void watchdog_start();
void watchdog_stop();
/// This CPU goes down, interrupts off / `cpu` has come up again.
void watchdog_cpu_down();
void watchdog_cpu_up(CpuId cpu);

/// Whether `runnel: alive` is printed; on at first. A shell that waits for its user is not busy.
enum class Heartbeat : u8 { kOff, kOn };
void watchdog_heartbeat(Heartbeat heartbeat);

/// The run must end within `limit` of now (zero or less: no limit).
void watchdog_set_run_limit(Duration limit);

/// While `name` runs (shown in every report) it may take `limit`; cleared by watchdog_end_item.
void watchdog_begin_item(const char* name, Duration limit);
void watchdog_end_item();
/// What watchdog_begin_item named, or nullptr. Any context.
const char* watchdog_item();

} // namespace runnel
