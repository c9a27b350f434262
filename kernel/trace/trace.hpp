// SPDX-License-Identifier: Apache-2.0
// Recording scheduling events into per-CPU rings. Off: one predictable branch.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/trace_event.hpp"

#include <atomic>
#include <string_view>

namespace runnel::trace {

namespace detail {
extern std::atomic<bool> on;
}

inline bool enabled() { return detail::on.load(std::memory_order_relaxed); }

/// Allocates a ring for each CPU and starts recording; afterwards announces the rings on the console. kNOMEM.
Result<> trace_start();
/// Stops recording and announces rings as `runnel: bulk trace.cpuN ...`. Nothing when not started.
void trace_finish();

/// Appends an event to this CPU's ring, overwriting the oldest when it is full. Any context but NMI.
void record(EventType type, u32 pid, u64 a, u64 b);
/// Tells what a pid is called.
void record_name(u32 pid, std::string_view comm);

} // namespace runnel::trace
