// SPDX-License-Identifier: Apache-2.0
// The periodic tick of a busy CPU, made from a one-shot timer.
#pragma once

namespace runnel {
struct Task;
}

namespace runnel::time {

/// Starts or stops this CPU's tick. Interrupts off; the scheduler calls them under its rq lock.
void tick_start();
void tick_stop();

/// Called at every tick with the thread it interrupts, behind the scheduler's part. Interrupts off, no lock
/// held. Set once.
using TickHook = void (*)(Task& current);
void set_tick_hook(TickHook hook);

} // namespace runnel::time
