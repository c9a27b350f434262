// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the reader of scenario files, and what it makes of one. What it refuses it explains; what
// it accepts the kernel's parser accepts too.
#include "qemu/scenario/scenario.hpp"
#include "kernel/workload/parse.hpp"

#include <cstdlib>
#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runnel;
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const auto outcome = scenario::read_scenario(json, "input.json", {.machine_cpus = 4});
  if (!outcome.scenario) {
    if (outcome.messages.empty()) std::abort();
    return 0;
  }
  for (const scenario::Expectation& expectation : outcome.scenario->expectations) {
    const scenario::MetricInfo& metric = info(expectation.metric);
    if (expectation.task && *expectation.task >= outcome.scenario->tasks.size()) std::abort();
    if (metric.bound == scenario::BoundKind::kNumber && to_string(expectation.bound).empty()) std::abort();
    if (metric.bound == scenario::BoundKind::kCpus && expectation.cpus >> 4 != 0) std::abort();
  }
  const std::string text = scenario::compile(*outcome.scenario);
  const auto workload = std::make_unique<workload::Workload>();
  if (!workload::parse_workload(text, *workload)) std::abort();
  return 0;
}
