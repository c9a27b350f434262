// SPDX-License-Identifier: Apache-2.0
// runnel properties: which numbers of the catalogues have a test, which are missing and why.
#include "qemu/catalogue.hpp"
#include "qemu/cli.hpp"
#include "qemu/files.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fnmatch.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace runnel::qemu {
namespace {

struct Options {
  std::vector<std::string> globs;
  std::string top;
  bool missing = false, json = false, check = false;
};

bool selected(const Options& options, const Catalogue& catalogue, const Property& p) {
  return options.globs.empty() || std::ranges::any_of(options.globs, [&](const std::string& glob) {
           return glob == catalogue.name || ::fnmatch(glob.c_str(), p.number.c_str(), 0) == 0;
         });
}

nlohmann::ordered_json as_json(const Catalogue& catalogue, const Property& p) {
  nlohmann::ordered_json tests = nlohmann::ordered_json::array();
  for (const Place& place : p.tests) tests.push_back({{"file", place.file}, {"line", place.line}});
  return {{"catalogue", catalogue.name},
          {"number", p.number},
          {"level", p.level},
          {"what", p.what},
          {"tests", tests},
          {"missing", p.missing}};
}

void print_text(const Property& p) {
  fmt::print("{:<5} {}  {}\n", p.number, p.level, p.what);
  if (p.tests.empty())
    fmt::print("         missing: {}\n", p.missing.empty() ? "no reason given" : p.missing);
  for (const Place& place : p.tests) fmt::print("         {}\n", place.text());
}

ExitStatus properties(const Options& options) {
  const Coverage coverage = read_coverage(options.top.empty() ? source_folder() : fs::path(options.top));
  if (options.check) {
    for (const Problem& problem : coverage.problems)
      fmt::print("{}: {}\n", problem.place.text(), problem.what);
    return coverage.problems.empty() ? ExitStatus::kPassed : ExitStatus::kFailed;
  }
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  bool any = false;
  for (const Catalogue& catalogue : coverage.catalogues) {
    const std::size_t count = catalogue.properties.size();
    std::size_t covered = 0;
    for (const Property& p : catalogue.properties) {
      covered += p.tests.empty() ? 0 : 1;
      if (!selected(options, catalogue, p)) continue;
      any = true;
      if (options.missing && !p.tests.empty()) continue;
      if (options.json)
        all.push_back(as_json(catalogue, p));
      else
        print_text(p);
    }
    if (!options.json)
      fmt::print("{}: {} properties, {} with tests, {} missing\n", catalogue.name, count, covered,
                 count - covered);
  }
  if (!any && !options.globs.empty())
    throw Failure(ExitStatus::kUsage,
                  fmt::format("GLOB: no property matches '{}'", fmt::join(options.globs, " ")));
  if (options.json) fmt::print("{}\n", all.dump(2));
  return ExitStatus::kPassed;
}

} // namespace

void add_properties_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* sub = app.add_subcommand("properties", "Shows which properties of the specifications have tests");
  sub->add_option("GLOB", options->globs, "Numbers, with * ? [0-9], or whole catalogues (tests/catalogue)");
  sub->add_flag("--missing", options->missing, "Only those without a test");
  sub->add_flag("--json", options->json, "As JSON");
  sub->add_flag("--check", options->check,
                "Only what is wrong: unknown numbers, neither tested nor missing, both");
  sub->add_option("--top", options->top, "Another source tree")->type_name("FOLDER");
  sub->callback([options, &action] { action = [options] { return properties(*options); }; });
}

} // namespace runnel::qemu
