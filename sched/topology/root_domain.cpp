// SPDX-License-Identifier: Apache-2.0
#include <sched/topology.hpp>

namespace runnel::sched {
namespace {

constinit RootDomain root;

} // namespace

RootDomain& root_domain() { return root; }

} // namespace runnel::sched
