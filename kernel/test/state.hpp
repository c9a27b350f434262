// SPDX-License-Identifier: Apache-2.0
// What the runner and the checks share about the test that is running. One test runs at a time.
#pragma once

#include "kernel/lib/types.hpp"

#include <atomic>

namespace runnel::test {

struct State {
  std::atomic<u32> failures{0}; // of the running test, from any CPU
  std::atomic<const char*> skip_reason{nullptr};
};
State& state();

} // namespace runnel::test
