// SPDX-License-Identifier: Apache-2.0
#include "qemu/host_tests.hpp"

#include "qemu/catch_xml.hpp"
#include "qemu/files.hpp"
#include "qemu/lines.hpp"
#include "qemu/process.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/wait.h>

namespace runnel::qemu {
namespace {

constexpr double kCatchLimit = 600; // seconds a program may take
constexpr std::string_view kCatchSuffix = "-tests";
constexpr double kLintLimit = 300;
constexpr double kFuzzLimit = 120;
constexpr int kFuzzRuns = 20000;
constexpr int kFuzzSeconds = 10;

std::string relative_to_top(const std::string& file) {
  const std::string top = source_folder().string() + "/";
  return file.starts_with(top) ? file.substr(top.size()) : file;
}

bool succeeded(const Finished& finished) {
  return !finished.timed_out && WIFEXITED(finished.wait_status) && WEXITSTATUS(finished.wait_status) == 0;
}

std::string how_it_ended(const Finished& finished, double limit) {
  return finished.timed_out ? fmt::format("took more than {:g} s", limit)
                            : describe_status(finished.wait_status);
}

/// Catch2 reads names as patterns: a backslash keeps its special characters plain.
std::string catch_pattern(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (c == ',' || c == '[' || c == '\\' || c == '"' || c == '*') out += '\\';
    out += c;
  }
  return out;
}

TestResult to_result(const CatchResult& c, const std::string& group) {
  TestResult r;
  r.group = group;
  r.name = c.name;
  r.file = relative_to_top(c.file);
  r.line = c.line;
  r.seconds = c.seconds;
  r.verdict = c.ended && c.passed ? Verdict::kPassed : Verdict::kFailed;
  r.again = fmt::format("./runnel test --host-only '{}'", c.name);
  if (r.verdict == Verdict::kFailed) {
    r.log = c.log;
    r.reason = "an expectation does not hold";
  }
  return r;
}

/// The result of something that is one test as a whole.
TestResult whole_result(const std::string& group, const std::string& name, const Finished& finished,
                        double limit) {
  TestResult r;
  r.group = group;
  r.name = name;
  if (!succeeded(finished)) {
    r.verdict = Verdict::kFailed;
    r.kind = ExitStatus::kFailed;
    r.reason = how_it_ended(finished, limit);
    r.log = finished.out;
  }
  r.again = fmt::format("./runnel test --host-only '{}'", name);
  return r;
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<fs::path> sorted_files(const fs::path& folder, const auto& wanted) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.is_regular_file() && wanted(entry.path())) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

bool is_tag(const std::string& glob) { return glob.size() > 2 && glob.front() == '[' && glob.back() == ']'; }

/// One name a line; Catch2's exit status is their number.
std::vector<std::string> names_in(const fs::path& program, const std::string& spec) {
  std::vector<std::string> argv = {program.string(), "--list-test-names-only"};
  if (!spec.empty()) argv.push_back(spec);
  const Finished listed = run_to_end({.argv = std::move(argv)}, 60);
  std::vector<std::string> names;
  LineSplitter lines;
  lines.feed(listed.out, [&](const std::string& line) {
    if (!line.empty()) names.push_back(line);
  });
  return names;
}

bool executable(const fs::path& file) { return ::access(file.c_str(), X_OK) == 0; }

} // namespace

bool selects_name(std::span<const std::string> globs, const std::string& name) {
  if (globs.empty()) return true;
  return std::ranges::any_of(globs, [&](const std::string& glob) {
    return !is_tag(glob) && ::fnmatch(glob.c_str(), name.c_str(), FNM_CASEFOLD) == 0;
  });
}

std::vector<std::string> list_catch(const fs::path& program, std::span<const std::string> globs) {
  const std::vector<std::string> all = names_in(program, {});
  if (all.empty()) throw Failure(ExitStatus::kInternal, fmt::format("{} lists no tests", program.string()));
  std::vector<std::string> chosen;
  for (const std::string& name : all)
    if (selects_name(globs, name)) chosen.push_back(name);
  for (const std::string& glob : globs) {
    if (!is_tag(glob)) continue;
    for (std::string& name : names_in(program, glob))
      if (std::ranges::find(chosen, name) == chosen.end()) chosen.push_back(std::move(name));
  }
  return chosen;
}

void run_catch(const fs::path& program, const std::string& group, std::vector<std::string> names,
               const Report& report) {
  const TempFolder folder;
  while (!names.empty()) {
    std::string list;
    for (const std::string& name : names) list += catch_pattern(name) + "\n";
    write_file(folder.path() / "names", list);
    const fs::path xml = folder.path() / "results.xml";
    const Finished finished = run_to_end({.argv = {program.string(), "-r", "xml", "-d", "yes", "-o",
                                                   xml.string(), "-f", (folder.path() / "names").string()}},
                                         kCatchLimit);
    bool settled = false;
    for (const CatchResult& c : parse_catch_xml(read_file(xml))) {
      if (std::erase(names, c.name) == 0) continue;
      settled = true;
      TestResult r = to_result(c, group);
      if (!c.ended) {
        r.kind = ExitStatus::kCrash;
        r.reason = how_it_ended(finished, kCatchLimit);
        r.log += finished.out;
      }
      report(std::move(r));
    }
    if (settled) continue; // whatever is left was not reached: once more without what ended the program
    CatchResult lost;
    lost.name = names.front();
    TestResult r = to_result(lost, group);
    r.kind = ExitStatus::kInternal;
    r.reason = fmt::format("{} {} without running it", program.filename().string(),
                           how_it_ended(finished, kCatchLimit));
    r.log = finished.out;
    names.erase(names.begin());
    report(std::move(r));
  }
}

/// The seeds of a fuzzer: a folder of its own, or files that the project has anyway.
fs::path corpus_of(std::string_view fuzzer) {
  if (fuzzer == "scenario") return source_folder() / "qemu/scenarios";
  if (fuzzer == "acpi" || fuzzer == "fdt") return source_folder() / "tests/data/firmware";
  return source_folder() / "tests/data/fuzz" / fuzzer;
}

void run_fuzzer(const fs::path& program, const Report& report) {
  const std::string name = program.filename().string().substr(std::string_view("fuzz-").size());
  const TempFolder folder;
  const fs::path found = folder.path() / "found";
  fs::create_directories(found);
  std::vector<std::string> argv = {program.string(),
                                   "-seed=1",
                                   fmt::format("-runs={}", kFuzzRuns),
                                   fmt::format("-max_total_time={}", kFuzzSeconds),
                                   "-print_final_stats=0",
                                   fmt::format("-artifact_prefix={}/", build_folder().string()),
                                   found.string()};
  if (const fs::path corpus = corpus_of(name); fs::is_directory(corpus)) argv.push_back(corpus.string());
  const double start = now();
  const Finished finished = run_to_end({.argv = std::move(argv)}, kFuzzLimit);
  TestResult r = whole_result("fuzz", name, finished, kFuzzLimit);
  r.seconds = now() - start;
  report(std::move(r));
}

void run_lint(const fs::path& script, const Report& report) {
  const double start = now();
  const Finished finished = run_to_end({.argv = {script.string(), build_folder().string()}}, kLintLimit);
  TestResult r = whole_result("lint", script.stem().string(), finished, kLintLimit);
  r.file = "tests/lint/" + script.filename().string();
  r.line = 1;
  r.seconds = now() - start;
  report(std::move(r));
}

std::vector<fs::path> catch_programs() {
  return sorted_files(build_folder() / "tests", [](const fs::path& file) {
    return file.filename().string().ends_with(kCatchSuffix) && executable(file);
  });
}

std::string catch_group(const fs::path& program) {
  const std::string name = program.filename().string();
  return name.substr(0, name.size() - kCatchSuffix.size());
}

std::vector<fs::path> fuzzers() {
  return sorted_files(build_folder() / "tests", [](const fs::path& file) {
    return file.filename().string().starts_with("fuzz-") && file.extension().empty() && executable(file);
  });
}

std::vector<fs::path> lints() {
  return sorted_files(source_folder() / "tests/lint",
                      [](const fs::path& file) { return file.extension() == ".sh" && executable(file); });
}

} // namespace runnel::qemu
