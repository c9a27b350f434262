// SPDX-License-Identifier: Apache-2.0
// The periodic tick of a busy CPU, made from a one-shot timer.
#pragma once

namespace runnel::time {

/// Starts or stops this CPU's tick. Interrupts off; the scheduler calls them under its rq lock.
void tick_start();
void tick_stop();

} // namespace runnel::time
