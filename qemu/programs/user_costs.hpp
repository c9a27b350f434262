// SPDX-License-Identifier: Apache-2.0
// What user mode costs: one program, tests/user/bench.c, on our kernel and on Debian's Linux, each on one CPU
// of a machine whose nanoseconds are instructions.
#pragma once

#include "qemu/arch.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace runnel::qemu {

struct Cost {
  std::string name, unit;
  double value = 0;
};

/// Of a line that has `# bench NAME VALUE UNIT` in it, appended; other lines are passed over.
void take_cost(std::string_view line, std::vector<Cost>& costs);

/// Throw Failure when the program did not run to its end; the second kMissing also when there is no such
/// package.
std::vector<Cost> user_costs(Arch arch);
std::vector<Cost> user_costs_on_linux(Arch arch);

} // namespace runnel::qemu
