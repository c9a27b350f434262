// SPDX-License-Identifier: Apache-2.0
// A deferred action of a class (spec 1.2 L9).
#pragma once

namespace runnel::sched {

struct Rq;

/// Runs when the rq lock may be dropped. One instance a purpose and rq: it lies in the class's part of the
/// runqueue.
struct BalanceCallback {
  void (*fn)(Rq& rq) = nullptr; // entered and left with rq.lock held; may drop it
  BalanceCallback* next = nullptr;
  bool queued = false;
};

} // namespace runnel::sched
