// SPDX-License-Identifier: Apache-2.0
// Who balances on behalf of a CPU: itself, or an idle one for it, never both, since they write to the same
// domains.
#pragma once

#include "sched/balance/newidle_rules.hpp"

#include <sched/rq.hpp>

namespace runnel::sched {

/// Takes the CPU's balancing if nobody has it. Does not wait: whoever has it does the work.
class BalanceHolder {
 public:
  explicit BalanceHolder(Rq& rq)
      : busy_(rq.balance.busy), holds_(busy_.exchange(1, std::memory_order_acquire) == 0) {}
  ~BalanceHolder() {
    if (holds_) busy_.store(0, std::memory_order_release);
  }
  BalanceHolder(const BalanceHolder&) = delete;
  BalanceHolder& operator=(const BalanceHolder&) = delete;
  bool holds() const { return holds_; }

 private:
  std::atomic<u32>& busy_;
  const bool holds_;
};

} // namespace runnel::sched
