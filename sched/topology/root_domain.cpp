// SPDX-License-Identifier: Apache-2.0
// The root domain, and who shares a cache.
#include <sched/topology.hpp>

namespace runnel::sched {
namespace {

constinit RootDomain root;

} // namespace

RootDomain& root_domain() { return root; }

bool cpus_share_cache(CpuId, CpuId) { return true; }

} // namespace runnel::sched
