// SPDX-License-Identifier: Apache-2.0

// Until the deadline class is in: nothing is admitted.
#include <sched/dl_admission.hpp>

namespace runnel::sched {

bool dl_params_valid(const DlParams&) { return false; }
DlParams dl_get_params(const Task&) { return {}; }
bool dl_params_differ(const Task&, const DlParams&) { return true; }
bool dl_admit(Rq&, Task&, Policy, const DlParams&) { return false; }
bool dl_admission_on() { return true; }
bool dl_may_lose_cpu(CpuId) { return true; }
void dl_set_params(Task&, const DlParams&) {}
u64 dl_missing_bandwidth(const RootDomain&, u64, u64) { return 0; }
DlDynamic dl_query_dynamic(Task&) { return {}; }

} // namespace runnel::sched
