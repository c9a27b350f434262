// SPDX-License-Identifier: Apache-2.0
// A trace event as a line of text, for failures.
#pragma once

#include "kernel/lib/trace_event.hpp"

#include <string>

namespace runnel::sim {

/// `   1.234567 cpu 3  switch 12 -> 14 state 1`. Times from switch-on, in ms.
std::string to_string(const trace::Event& event);

} // namespace runnel::sim
