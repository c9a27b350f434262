// SPDX-License-Identifier: Apache-2.0
// How timers are set, and what they show.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::user {

/// Nanoseconds; value 0: not armed.
struct TimerTimes {
  u64 interval = 0, value = 0;
};

/// What a value counts from: now, or the clock's beginning (TIMER_ABSTIME).
enum class TimerStart : u8 { kRelative, kAbsolute };

} // namespace runnel::user
