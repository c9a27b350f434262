// SPDX-License-Identifier: Apache-2.0
// Fibers: the stacks simulated tasks run on, and the switch between them.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::sim {

struct Fiber {
  void* context = nullptr; // saved by the switch away; nullptr while it runs
  std::byte* stack = nullptr;
  usize stack_size = 0;
  void (*entry)(Fiber&) = nullptr; // must not return
};

/// Makes `fiber` ready to run `entry(fiber)` on a stack from the pool.
void fiber_create(Fiber& fiber, void (*entry)(Fiber&));
/// Gives its stack back. It is not running and never will.
void fiber_destroy(Fiber& fiber);
/// Leaves `from`, which is running, for `to`; returns when somebody switches to `from`.
void fiber_switch(Fiber& from, Fiber& to);
/// The guard words at the bottom of its stack are as they were made (C04).
bool fiber_stack_intact(const Fiber& fiber);

} // namespace runnel::sim
