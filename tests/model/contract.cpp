// SPDX-License-Identifier: Apache-2.0
#include "tests/model/contract.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

namespace runnel::model {

void check(const Contract& contract) {
  Program program;
  contract.build(program);
  const Labels labels = program.labels();
  const auto bad_without = [&](const Labels& weakened, Machine machine = Machine::kAarch64) {
    return explore(program, machine, weakened).any(contract.bad);
  };

  SECTION("as written") {
    for (const Machine machine : {Machine::kAarch64, Machine::kX86, Machine::kInOrder}) {
      const Result result = explore(program, machine);
      INFO(result.text());
      CHECK(result.any(contract.works));
      CHECK_FALSE(result.any(contract.bad));
    }
    CHECK_FALSE(labels.empty());
    for (const Covered& covered : contract.covered) {
      CHECK(labels.contains(covered.what));
      if (!covered.by.empty())
        CHECK(std::ranges::find(contract.covered, covered.by, &Covered::what) != contract.covered.end());
    }
    for (const std::string& label : contract.x86_needs) CHECK(labels.contains(label));
  }

  for (const std::string& label : labels) {
    DYNAMIC_SECTION("without " << label) {
      const auto covered = std::ranges::find(contract.covered, label, &Covered::what);
      if (covered == contract.covered.end()) {
        CHECK(bad_without({label}));
        CHECK(bad_without({label}, Machine::kX86) == contract.x86_needs.contains(label));
      } else {
        INFO("expected to be harmless: " << covered->why);
        CHECK_FALSE(bad_without({label}));
        if (!covered->by.empty()) CHECK(bad_without({label, covered->by}));
      }
    }
  }
}

} // namespace runnel::model
