// SPDX-License-Identifier: Apache-2.0
#include "qemu/cli_machine.hpp"

#include "qemu/shape_fault.hpp"

#include <charconv>
#include <fmt/format.h>

namespace runnel::qemu {
namespace {

/// "256", "256M" or "1G" in MiB.
std::optional<u32> parse_memory(std::string_view text) {
  u32 value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc{}) return std::nullopt;
  if (unit == "G" && value <= kMaxMemoryMib / 1024)
    value *= 1024;
  else if (!unit.empty() && unit != "M")
    return std::nullopt;
  return value >= kMinMemoryMib && value <= kMaxMemoryMib ? std::optional(value) : std::nullopt;
}

std::string check_memory(const std::string& text) {
  if (parse_memory(text)) return {};
  return fmt::format("{} is not allowed: {}M to {}G, as 256M or 1G", text, kMinMemoryMib,
                     kMaxMemoryMib / 1024);
}

std::string check_shape(const std::string& text) {
  if (const auto shape = sim::parse_shape(text)) return shape_problem(*shape);
  return shape_fault(text);
}

} // namespace

void MachineOptions::add_to(CLI::App& app, Arches which, Smp how) {
  const bool one = which == Arches::kOne;
  arches.assign(std::begin(kArches), one ? std::begin(kArches) + 1 : std::end(kArches));
  std::vector<std::string> names = {"x86_64", "aarch64"};
  if (!one) names.emplace_back("all");
  app.add_option_function<std::string>(
         "--arch",
         [this](const std::string& name) {
           if (const auto arch = parse_arch(name))
             arches = {*arch};
           else
             arches.assign(std::begin(kArches), std::end(kArches));
         },
         fmt::format("Architecture (default {})", one ? "x86_64" : "all"))
      ->check(CLI::IsMember(names))
      ->type_name("ARCH");
  auto* cpus = app.add_option("--smp", smp,
                              how == Smp::kList ? "Numbers of CPUs, as 1,2,4" : "Number of CPUs (default 4)")
                   ->check(CLI::Range(1u, kMaxCpus))
                   ->type_name("N");
  if (how == Smp::kList)
    cpus->delimiter(',');
  else
    cpus->expected(1)->allow_extra_args(false); // what follows may be a program's name
  app.add_option_function<std::string>(
         "--topology",
         [this](const std::string& text) {
           shape = sim::parse_shape(text);
           if (shape) smp = {shape->cpus()};
         },
         "Sockets x cores x threads, as 2x4x2; n2:2x4 on two NUMA nodes; 1x8/4 a cache for 4 cores each")
      ->check(check_shape)
      ->excludes(cpus)
      ->type_name("SHAPE");
  app.add_option_function<std::string>(
         "--boot",
         [this](const std::string& name) { boot = name == "uefi" ? BootPath::kUefi : BootPath::kDirect; },
         "Way into the kernel")
      ->check(CLI::IsMember({"direct", "uefi"}))
      ->type_name("PATH");
  app.add_option_function<std::string>(
         "--mem", [this](const std::string& text) { memory_mib = parse_memory(text).value_or(memory_mib); },
         "Memory, as 256M or 1G (default 256M)")
      ->check(check_memory)
      ->type_name("SIZE");
  app.add_flag("--deterministic", deterministic, "Time is the number of instructions: every run is the same");
  app.add_option("--seed", seed, "Seed of the guest's random numbers (default 1)")->type_name("N");
  app.add_option(
         "--silence", silence_seconds,
         "Seconds without output before the guest counts as dead (default 30; deterministic and UEFI 120)")
      ->check(CLI::Range(1.0, 86400.0))
      ->type_name("S");
  app.add_option("--kernel", kernel, "Another kernel image")->type_name("FILE");
  app.add_option("--append", append, "More words for the kernel's command line")->type_name("WORDS");
}

MachineSpec MachineOptions::spec(Arch arch, u32 cpus, BootPath path) const {
  MachineSpec spec;
  spec.arch = arch;
  spec.boot = path;
  spec.timing = timing();
  spec.cpus = cpus;
  spec.shape = shape;
  spec.memory_mib = memory_mib;
  spec.seed = seed;
  return spec;
}

} // namespace runnel::qemu
