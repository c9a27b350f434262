// SPDX-License-Identifier: Apache-2.0

// Until priority inheritance is in: nobody lends anything.
#include <sched/pi.hpp>

namespace runnel::sched {

i32 pi_effective_prio(const Task&, i32 normal) { return normal; }
void pi_adjust_chain(Task&) {}

} // namespace runnel::sched
