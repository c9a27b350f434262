// SPDX-License-Identifier: Apache-2.0
#include "qemu/select.hpp"

#include <algorithm>
#include <fnmatch.h>

namespace runnel::qemu {
namespace {

bool matches(const std::string& glob, std::string_view name) {
  return ::fnmatch(glob.c_str(), std::string(name).c_str(), 0) == 0;
}

bool selects_one(const std::string& glob, const DeclaredTest& test) {
  const auto dot = glob.find('.');
  if (test.only_by_name() && std::string_view(glob).substr(0, dot) != test.suite()) return false;
  if (dot == std::string::npos) return !test.only_by_name() && matches(glob, test.suite());
  return matches(glob, test.name);
}

} // namespace

bool selects(std::span<const std::string> globs, const DeclaredTest& test) {
  if (globs.empty()) return !test.only_by_name();
  return std::ranges::any_of(globs, [&](const std::string& glob) { return selects_one(glob, test); });
}

std::vector<std::string> test_words(std::span<const DeclaredTest> selected, std::span<const DeclaredTest> all,
                                    u32 cpus, std::size_t limit) {
  std::vector<std::string> words;
  std::string word;
  const auto append = [&](std::string_view pattern) {
    if (!word.empty() && word.size() + 1 + pattern.size() > limit)
      words.push_back(std::move(word)), word.clear();
    word += word.empty() ? "test=" : ",";
    word += pattern;
  };
  while (!selected.empty()) {
    const std::string_view suite = selected[0].suite();
    const auto in_suite = [&](const DeclaredTest& t) { return t.suite() == suite; };
    const auto wanted =
        static_cast<std::size_t>(std::ranges::find_if_not(selected, in_suite) - selected.begin());
    const auto whole = std::ranges::count_if(
        all, [&](const DeclaredTest& t) { return in_suite(t) && !t.only_by_name() && t.min_cpus <= cpus; });
    const bool by_name = std::ranges::any_of(selected.first(wanted), &DeclaredTest::only_by_name);
    if (!by_name && static_cast<std::size_t>(whole) == wanted)
      append(suite);
    else
      for (const DeclaredTest& test : selected.first(wanted)) append(test.name);
    selected = selected.subspan(wanted);
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

} // namespace runnel::qemu
