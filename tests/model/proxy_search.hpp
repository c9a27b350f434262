// SPDX-License-Identifier: Apache-2.0
// All states of the proxy model that can be reached, and what can be reached from each.
#pragma once

#include "tests/model/proxy_model.hpp"

#include <array>

namespace runnel::model::proxy {

struct Found {
  std::size_t states = 0, steps = 0;
  std::array<std::size_t, static_cast<std::size_t>(Row::kCount)> rows{};
  /// What must not be: a bad state, or one from which some task never comes to the end of its program again
  /// (lost, or all are stuck). Empty: there is none.
  std::string wrong;
  std::vector<std::string> way; // the steps that lead there
};

Found search(const Setup& setup);

} // namespace runnel::model::proxy
