// SPDX-License-Identifier: Apache-2.0
// A trace as ftrace writes one (spec sched_core 8.2), which Perfetto and other readers of ftrace's text take.
#pragma once

#include "qemu/trace/log.hpp"

#include <string>

namespace runnel::qemu {

/// The header and one line an event. What ftrace has no event for is written as a mark
/// (`tracing_mark_write: I|PID|...`), which viewers show on the thread's track.
std::string to_text(const TraceLog& log);

} // namespace runnel::qemu
