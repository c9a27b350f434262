// SPDX-License-Identifier: Apache-2.0
// The fair class: a CPU that is about to idle fetches work (spec 3.12).
#include "sched/balance/balance.hpp"
#include "sched/fair/fair.hpp"

namespace runnel::sched {

bool FairClass::balance(Rq& rq, Task&) const { return balance_newidle(rq); }

} // namespace runnel::sched
