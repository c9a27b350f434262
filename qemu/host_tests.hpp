// SPDX-License-Identifier: Apache-2.0
// The tests that run on the host: Catch2 programs, fuzzers with a bounded run, lints.
#pragma once

#include "qemu/results.hpp"

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace runnel::qemu {

using Report = std::function<void(TestResult)>;

/// Names of the tests of a Catch2 program that `globs` select: globs over the whole name, without regard to
/// case, or Catch2 tags "[tag]"; none selects all. Throws Failure(kInternal) when the program does not list
/// its tests.
std::vector<std::string> list_catch(const std::filesystem::path& program, std::span<const std::string> globs);

/// Whether one of the globs (none: yes) selects the name of something that is one test as a whole.
bool selects_name(std::span<const std::string> globs, const std::string& name);

/// Runs these tests of it; each gets one result, also when the program dies in one (the rest then runs anew).
void run_catch(const std::filesystem::path& program, const std::string& group, std::vector<std::string> names,
               const Report& report);

/// One libFuzzer program for a fixed number of inputs, a fixed seed and at most some seconds, from the corpus
/// in tests/data/fuzz/NAME.
void run_fuzzer(const std::filesystem::path& program, const Report& report);

/// One script of tests/lint.
void run_lint(const std::filesystem::path& script, const Report& report);

/// build/.../tests/NAME-tests, sorted, and the NAME of one of them.
std::vector<std::filesystem::path> catch_programs();
std::string catch_group(const std::filesystem::path& program);

/// build/.../tests/fuzz-* and tests/lint/*.sh, sorted.
std::vector<std::filesystem::path> fuzzers();
std::vector<std::filesystem::path> lints();

} // namespace runnel::qemu
