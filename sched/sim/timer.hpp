// SPDX-License-Identifier: Apache-2.0
// One-shot timer of a virtual CPU: sched::port::Timer on the simulated machine.
#pragma once

#include "kernel/lib/pairing_heap.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::sim {

struct Timer : HeapNode {
  using Function = void (*)(Timer&);
  enum class State : u32 { kIdle, kQueued };

  explicit constexpr Timer(Function fn) : function(fn) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  Function function;
  Instant expires;
  u64 sequence = 0; // order among equal expiries: first started, first run
  u32 cpu = 0;
  State state = State::kIdle;
};

inline bool timer_earlier(const Timer& a, const Timer& b) {
  if (a.expires == b.expires) return a.sequence < b.sequence;
  return a.expires.is_before(b.expires);
}

} // namespace runnel::sim
