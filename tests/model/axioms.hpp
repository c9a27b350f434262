// SPDX-License-Identifier: Apache-2.0
// The aarch64 machine of explore.hpp a second time, as axioms: a candidate execution says which store each
// load read (rf) and in which order the stores to each word happened (co); it is possible unless an axiom
// forbids it. Pulte et al. 2018 and herdtools7's aarch64.cat, aarch64hwreqs.cat, for one size, without faults
// and caches:
//
//   internal   po-loc | rf | co | fr has no cycle (coherence)
//   external   ob = rfe | fre | coe | dob | aob | bob | po-loc;[W] has no cycle
//   atomic     no store of another thread comes between the two halves of a read-modify-write
//
// It tries every candidate, so it is slow, and shares no line with the explorer but the programs it reads.
#pragma once

#include "tests/model/explore.hpp"

namespace runnel::model {

std::set<Outcome> allowed_by_axioms(const Program& program);

} // namespace runnel::model
