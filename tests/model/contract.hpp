// SPDX-License-Identifier: Apache-2.0
// A rule of docs/ordering.md (B1..B13) as a litmus program, and what has to hold of it: the program as
// written has no bad outcome, and whatever is weakened in it, alone, gives one; so nothing in it is there for
// nothing.
#pragma once

#include "tests/model/explore.hpp"

namespace runnel::model {

/// Something whose absence alone does no harm. Each is a finding, said and checked here and in
/// docs/ordering.md.
struct Covered {
  std::string what; // its label
  std::string by; // another label: with both gone the outcome is bad. "" if nothing in this program needs it
  std::string why;
};

struct Contract {
  std::function<void(Program&)> build;
  /// The program does what it is for: seen in some run, so that the absence of the bad says something.
  std::function<bool(const Outcome&)> works;
  std::function<bool(const Outcome&)> bad;
  std::vector<Covered> covered = {};
  /// Labels that x86 needs as well; the others cost nothing there and can only be missed on aarch64.
  Labels x86_needs = {};
};

/// Inside a TEST_CASE: one section for the program as written, one for each mutant.
void check(const Contract& contract);

} // namespace runnel::model
