// SPDX-License-Identifier: Apache-2.0
#include "sched/sim/property.hpp"

#include "sched/sim/shrink.hpp"

#include <cstdio>
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define RUNNEL_SIM_ASAN 1
#endif
#endif

namespace runnel::sim {
namespace {

std::optional<std::string> env(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != 0 ? std::optional<std::string>(value) : std::nullopt;
}

constexpr const char* kMutations[] = {
    "none",       "early-release",  "drop-ipi", "lose-wake-list-entry", "sleep-unchecked",
    "drop-timer", "late-preemption"};

/// What runs now, for the report of a sanitizer that ends the process.
std::string running_command;

[[maybe_unused]] void report_running_case() {
  std::fprintf(stderr, "runnel: the simulation that was running:\n  %s\n", running_command.c_str());
}

/// The case of `seed`, with what the environment says otherwise.
Case from_environment(const Property& property, u64 seed) {
  Case c = generate(property, seed);
  if (const auto text = env("RUNNEL_SIM_SHAPE")) {
    const std::optional<Shape> shape = parse_shape(*text);
    if (!shape) throw std::invalid_argument("RUNNEL_SIM_SHAPE: no shape like 2x4x2: " + *text);
    c.shape = *shape;
  }
  if (const auto text = env("RUNNEL_SIM_TASKS")) c.tasks = static_cast<u32>(std::stoul(*text));
  if (const auto text = env("RUNNEL_SIM_ROUNDS")) c.rounds = static_cast<u32>(std::stoul(*text));
  if (const auto text = env("RUNNEL_SIM_INTERLEAVING"))
    c.interleaving = *text == "fine" ? Interleaving::kFine : Interleaving::kCoarse;
  if (const auto text = env("RUNNEL_SIM_MUTATION"))
    for (u32 i = 0; i < std::size(kMutations); ++i)
      if (*text == kMutations[i]) c.mutation = static_cast<Mutation>(i);
  return c;
}

std::string command_of(const Property& property, const Case& c) {
  return environment_of(c) + " sched-tests '" + property.name + "'";
}

Finding report(const Property& property, const Case& original, const Failure& failure) {
  if (env("RUNNEL_SIM_SHRINK") == "no")
    return {original, original, failure.invariant,
            failure.what() + ("\n  again: " + command_of(property, original))};
  const Shrunk shrunk = shrink(property, original, failure);
  Finding finding{original, shrunk.smallest, failure.invariant, {}};
  finding.text = shrunk.failure + "\n  again: " + command_of(property, shrunk.smallest) +
                 "\n  found with: " + command_of(property, original) + "\n  (shrunk in " +
                 std::to_string(shrunk.runs) + " runs)";
  return finding;
}

} // namespace

std::string environment_of(const Case& c) {
  std::string text =
      "RUNNEL_SIM_SEED=" + std::to_string(c.seed) + " RUNNEL_SIM_SHAPE=" + to_string(c.shape) +
      " RUNNEL_SIM_TASKS=" + std::to_string(c.tasks) + " RUNNEL_SIM_ROUNDS=" + std::to_string(c.rounds) +
      " RUNNEL_SIM_INTERLEAVING=" + (c.interleaving == Interleaving::kFine ? "fine" : "coarse");
  if (c.mutation != Mutation::kNone)
    text += std::string(" RUNNEL_SIM_MUTATION=") + kMutations[static_cast<u32>(c.mutation)];
  return text;
}

Case generate(const Property& property, u64 seed) {
  Rng rng(seed ^ 0x5eed'0fca'5e00);
  Case c;
  c.seed = seed;
  c.mutation = property.mutation;
  // Small machines find most, so there are as many of them as of large ones.
  const u64 cpus = rng.log_between(1, property.max_cpus);
  c.shape.threads = cpus >= 4 && rng.one_in(3) ? 2 : 1;
  c.shape.sockets = cpus >= 4 ? static_cast<u32>(rng.between(1, cpus >= 32 ? 4 : 2)) : 1;
  c.shape.cores = static_cast<u32>(cpus / (c.shape.threads * c.shape.sockets));
  if (c.shape.cores == 0) c.shape.cores = 1;
  if (c.shape.sockets > 1 && rng.one_in(2)) c.shape.nodes = c.shape.sockets;
  if (c.shape.cores >= 8 && rng.one_in(3)) c.shape.cores_per_llc = c.shape.cores / 2;
  c.tasks = static_cast<u32>(rng.log_between(1, property.max_tasks));
  c.rounds = static_cast<u32>(rng.log_between(1, property.max_rounds));
  c.interleaving = rng.one_in(3) ? Interleaving::kCoarse : Interleaving::kFine;
  return c;
}

Outcome run_case(const Property& property, const Case& c, Tracing tracing) {
  running_command = command_of(property, c);
#ifdef RUNNEL_SIM_ASAN
  __sanitizer_set_death_callback(report_running_case);
#endif
  Config config;
  config.seed = c.seed;
  config.shape = c.shape;
  config.interleaving = c.interleaving;
  config.mutation = c.mutation;
  config.tracing = tracing;
  Rng rng(c.seed ^ 0xc057'0000);
  if (rng.one_in(2)) config.ipi_latency = Duration{static_cast<i64>(rng.log_between(100, 20'000))};
  if (rng.one_in(4)) config.switch_cost = Duration{static_cast<i64>(rng.between(100, 3'000))};
  if (rng.one_in(4)) config.irq_cost = Duration{static_cast<i64>(rng.between(100, 3'000))};
  config.point_gap = static_cast<u32>(rng.log_between(20, 2'000));
  config.step_limit = 20'000'000;
  if (!env("RUNNEL_SIM_VERBOSE")) return run(config, [&] { property.body(c); });
  std::fprintf(stderr, "# %s\n", running_command.c_str());
  Outcome outcome = run(config, [&] { property.body(c); });
  std::fprintf(stderr, "#   %.3f ms, %llu steps, %llu events, %llu delays\n",
               static_cast<double>(outcome.time.ns) / 1e6,
               static_cast<unsigned long long>(outcome.counters.steps),
               static_cast<unsigned long long>(outcome.counters.events()),
               static_cast<unsigned long long>(outcome.counters.delays));
  return outcome;
}

std::optional<Finding> check_property(const Property& property) {
  u64 first = 1;
  u64 count = property.cases;
  if (const auto text = env("RUNNEL_SIM_CASES")) count *= std::stoull(*text);
  if (const auto text = env("RUNNEL_SIM_FIRST")) first = std::stoull(*text);
  u64 steps_left = property.steps;
  if (const auto text = env("RUNNEL_SIM_SEED")) {
    first = std::stoull(*text);
    count = 1;
    steps_left = 0;
  }
  for (u64 seed = first; seed < first + count || steps_left != 0; ++seed) {
    const Case c = from_environment(property, seed);
    try {
      const u64 steps = run_case(property, c).counters.steps;
      steps_left -= steps < steps_left ? steps : steps_left;
    } catch (const Failure& failure) {
      return report(property, c, failure);
    }
  }
  return std::nullopt;
}

} // namespace runnel::sim
