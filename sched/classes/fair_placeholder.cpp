// SPDX-License-Identifier: Apache-2.0

// Until the fair class is in: everybody weighs the same.
#include <sched/fair_params.hpp>

namespace runnel::sched {

u64 fair_slice(const Task&) { return 12'000'000; }
void fair_set_slice(Rq&, Task&, u64) {}
void fair_set_weight(Task&) {}
void fair_inherit_slice(Task&, const Task&) {}

} // namespace runnel::sched
