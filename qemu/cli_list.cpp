// SPDX-License-Identifier: Apache-2.0
// runnel list: the on-target tests, read from the images without booting them.
#include "kernel/test/test_case.hpp"
#include "qemu/cli.hpp"
#include "qemu/files.hpp"
#include "qemu/select.hpp"
#include "qemu/target_tests.hpp"

#include <fmt/format.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

namespace runnel::qemu {
namespace {

struct Options {
  std::vector<std::string> globs;
  std::string arch = "all", kernel;
  bool json = false;
};

ExitStatus list(const Options& options) {
  std::map<std::pair<std::string, std::string>, std::pair<DeclaredTest, std::vector<std::string>>> tests;
  for (const Arch arch : kArches) {
    if (options.arch != "all" && to_string(arch) != options.arch) continue;
    const auto image =
        TestImage::load(options.kernel.empty() ? image_elf(arch, Image::kTests) : fs::path(options.kernel));
    for (const DeclaredTest& test : image->tests) {
      if (!options.globs.empty() && !selects(options.globs, test)) continue;
      auto& entry = tests[{std::string(test.suite()), std::string(test.case_name())}];
      entry.first = test;
      entry.second.emplace_back(to_string(arch));
    }
  }
  if (tests.empty() && !options.globs.empty())
    throw Failure(ExitStatus::kUsage,
                  fmt::format("GLOB: no test matches '{}'", fmt::join(options.globs, " ")));
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const auto& [name, entry] : tests) {
    const auto& [test, arches] = entry;
    if (options.json) {
      all.push_back({{"name", test.name},
                     {"file", test.file},
                     {"line", test.line},
                     {"arch", arches},
                     {"cpus", test.min_cpus},
                     {"limit_ns", test.limit_ns},
                     {"only_by_name", test.only_by_name()}});
      continue;
    }
    std::string needs;
    if (arches.size() == 1 && options.arch == "all") needs += " " + arches[0];
    if (test.min_cpus > 1) needs += fmt::format(" cpus>={}", test.min_cpus);
    if (test.only_by_name()) needs += " by-name-only";
    fmt::print("{:<44} {}:{}{}\n", test.name, test.file, test.line, needs);
  }
  if (options.json) fmt::print("{}\n", all.dump(2));
  return ExitStatus::kPassed;
}

} // namespace

void add_list_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = app.add_subcommand("list", "Lists the on-target tests without booting");
  sub->add_option("GLOB", options->globs, "Names suite.case or suites, with * ? [a-z]");
  sub->add_option("--arch", options->arch, "Architecture (default all)")
      ->check(CLI::IsMember({"x86_64", "aarch64", "all"}))
      ->type_name("ARCH");
  sub->add_option("--kernel", options->kernel, "Another test image")->type_name("FILE");
  sub->add_flag("--json", options->json, "As JSON");
  sub->callback([options, &action] { action = [options] { return list(*options); }; });
}

} // namespace runnel::qemu
