// SPDX-License-Identifier: Apache-2.0
// Sleeping for a time.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::time {

/// Blocks the current thread until the clock shows `until`, never less. Preemption enabled.
void sleep_until(Instant until);
void sleep_for(Duration d);

enum class SleepResult : u8 { kTimedOut, kWoken };

/// As sleep_until, but a pending signal ends it: kWoken.
[[nodiscard]] SleepResult sleep_until_interruptible(Instant until);

/// For waiting with a limit: the caller has set its state and checked its condition; sleeps until a wake-up
/// or until the clock shows `until` (kNever: until a wake-up). The state is kRunning afterwards.
SleepResult schedule_until(Instant until);

} // namespace runnel::time

namespace runnel {
using time::sleep_for;
using time::sleep_until;
using time::sleep_until_interruptible;
} // namespace runnel
