// SPDX-License-Identifier: Apache-2.0
// From a file in rt-app's JSON form to the text the kernel executes:
//   auto outcome = load_scenario(path, {.machine_cpus = 4});
//   for (const Message& m : outcome.messages) ... to_string(m) ...
//   if (!outcome.scenario) return bad usage;
//   std::string initrd = make_initrd({{"workload", compile(*outcome.scenario)}});   //
//   qemu/scenario/initrd.hpp
#pragma once

#include "qemu/scenario/message.hpp"
#include "qemu/scenario/model.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::scenario {

struct ReadOptions {
  std::optional<u32> machine_cpus; // by --smp; else the scenario may say it. CPUs beyond it are refused
};

/// `scenario` is set when there is no message of severity kError. Messages are in the order of the file.
struct Outcome {
  std::optional<Scenario> scenario;
  std::vector<Message> messages;
};

/// Reads JSON as rt-app accepts it: comments, trailing commas, repeated keys in order. `file` is for
/// messages.
Outcome read_scenario(std::string_view json, std::string file, const ReadOptions& options = {});
/// The same from a file; one that cannot be read or is above 1 MiB gives an error message with line 0.
Outcome load_scenario(const std::filesystem::path& path, const ReadOptions& options = {});

/// The text form the kernel's parser reads (format: kernel/workload/parse.hpp). Goes into the initrd as the
/// file "workload".
std::string compile(const Scenario& scenario);

} // namespace runnel::scenario
