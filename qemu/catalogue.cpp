// SPDX-License-Identifier: Apache-2.0
#include "qemu/catalogue.hpp"

#include "qemu/cxx_tests.hpp"
#include "qemu/files.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace runnel::qemu {
namespace {

const std::regex kNumber(R"(([a-z][a-z_]*\.)?[A-Z]{1,3}-?[0-9]{1,3}[a-z]?)");
const std::string kLevels = "UKSXMFIGH";

bool is_number(const std::string& word) { return std::regex_match(word, kNumber); }

/// Calls take(line number, first word, what follows it) for each line that is not empty or a comment.
void each_line(std::string_view text, const auto& take) {
  std::istringstream lines{std::string(text)};
  u32 number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line);
    std::string first, rest;
    words >> first >> std::ws;
    std::getline(words, rest);
    if (!first.empty() && first[0] != '#') take(number, first, rest);
  }
}

/// The numbers a comment line gives to the test below: it is nothing else, or they come first, with a colon.
std::vector<std::string> numbers_of_comment(const std::string& comment, bool& nothing_else) {
  const std::string head = comment.substr(0, comment.find(':'));
  nothing_else = head == comment;
  std::vector<std::string> numbers;
  std::istringstream parts(head);
  for (std::string part; std::getline(parts, part, ',');) {
    const auto begin = part.find_first_not_of(' '), end = part.find_last_not_of(' ');
    if (begin == std::string::npos) return {};
    numbers.push_back(part.substr(begin, end - begin + 1));
    if (!is_number(numbers.back())) return {};
  }
  return numbers;
}

void tags_of(const CxxTest& test, const std::string& file, std::vector<Mention>& mentions) {
  std::vector<std::string> tags;
  const std::string& all = test.arguments.size() > 1 ? test.arguments.back() : std::string();
  for (std::size_t open = all.find('['); open != std::string::npos; open = all.find('[', open + 1))
    tags.push_back(all.substr(open + 1, all.find(']', open) - open - 1));
  const bool hidden = std::ranges::any_of(tags, [](const std::string& tag) {
    return tag.starts_with('.') || tag.starts_with('!'); // not run by default, or may fail
  });
  if (hidden) return;
  for (const std::string& tag : tags)
    if (is_number(tag)) mentions.push_back({tag, {file, test.line}});
}

std::vector<fs::path> files_below(const fs::path& folder, const std::set<std::string>& extensions) {
  std::vector<fs::path> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && extensions.contains(entry.path().extension().string()))
      files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

/// "B1-B13" is thirteen numbers; false when it is not a range.
bool add_range(const std::string& range, std::set<std::string>& rules) {
  static const std::regex kRange(R"(([A-Z]{1,3})([0-9]{1,3})-([A-Z]{1,3})([0-9]{1,3}))");
  std::smatch m;
  if (!std::regex_match(range, m, kRange) || m[1] != m[3]) return false;
  for (int i = std::stoi(m[2]); i <= std::stoi(m[4]); ++i) rules.insert(m[1].str() + std::to_string(i));
  return true;
}

} // namespace

Catalogue parse_catalogue(const std::string& file, std::string_view text, Problems& problems) {
  Catalogue catalogue{fs::path(file).stem().string(), {}, {}};
  std::string prefix;
  std::set<std::string> known;
  each_line(text, [&](u32 line, const std::string& first, const std::string& rest) {
    const Place place{file, line};
    if (first == "prefix") {
      prefix = rest + ".";
      return;
    }
    if (first == "rules") {
      std::istringstream ranges(rest);
      for (std::string range; ranges >> range;)
        if (!add_range(range, catalogue.rules))
          problems.push_back({place, fmt::format("'{}' is no range", range)});
      return;
    }
    const std::size_t space = rest.find(' ');
    Property p{prefix + first,
               rest.substr(0, space),
               space == std::string::npos ? "" : rest.substr(space + 1),
               place,
               {},
               {},
               {}};
    if (!is_number(p.number))
      problems.push_back({place, fmt::format("'{}' is not a number", p.number)});
    else if (!known.insert(p.number).second)
      problems.push_back({place, p.number + " is there twice"});
    else if (p.level.size() != 1 || kLevels.find(p.level) == std::string::npos || p.what.empty())
      problems.push_back({place, fmt::format("{} needs a level ({}) and a text", p.number, kLevels)});
    else
      catalogue.properties.push_back(std::move(p));
  });
  return catalogue;
}

void parse_missing(Catalogue& catalogue, const std::string& file, std::string_view text, Problems& problems) {
  each_line(text, [&](u32 line, const std::string& number, const std::string& why) {
    const Place place{file, line};
    const auto p = std::ranges::find(catalogue.properties, number, &Property::number);
    if (p == catalogue.properties.end())
      problems.push_back({place, fmt::format("{} is not a property of {}", number, catalogue.name)});
    else if (!p->missing.empty())
      problems.push_back({place, number + " is there twice"});
    else if (why.empty())
      problems.push_back({place, number + ": no reason given"});
    else
      p->missing = why, p->missing_place = place;
  });
}

std::vector<Mention> mentions_in(const std::string& file, std::string_view source, Problems& problems) {
  std::vector<Mention> mentions;
  CxxSource found = find_tests(source);
  bool nothing_else = false;
  for (const CxxTest& test : found.tests) {
    if (test.macro != "RUNNEL_TEST") {
      tags_of(test, file, mentions);
      continue;
    }
    const bool counts = std::ranges::none_of(
        test.arguments, [](const std::string& a) { return a.find("kOnlyByName") != std::string::npos; });
    for (u32 line = test.line - 1; found.comments.contains(line); --line) {
      for (const std::string& number : numbers_of_comment(found.comments[line], nothing_else))
        if (counts) mentions.push_back({number, {file, test.line}});
      found.comments.erase(line);
    }
  }
  for (const auto& [line, comment] : found.comments)
    if (!numbers_of_comment(comment, nothing_else).empty() && nothing_else)
      problems.push_back({{file, line}, "numbers, but no RUNNEL_TEST directly below"});
  return mentions;
}

void match(std::vector<Catalogue>& catalogues, const std::vector<Mention>& mentions, Problems& problems) {
  std::map<std::string, Property*> by_number;
  std::set<std::string> rules;
  for (Catalogue& catalogue : catalogues) {
    rules.insert(catalogue.rules.begin(), catalogue.rules.end());
    for (Property& p : catalogue.properties)
      if (!by_number.emplace(p.number, &p).second)
        problems.push_back(
            {p.place, fmt::format("{} is in two catalogues: give one of them a prefix", p.number)});
  }
  for (const Mention& mention : mentions) {
    const auto p = by_number.find(mention.number);
    if (p == by_number.end() && rules.contains(mention.number)) continue;
    if (p == by_number.end())
      problems.push_back({mention.place, fmt::format("{} is in no catalogue", mention.number)});
    else if (std::ranges::find(p->second->tests, mention.place) == p->second->tests.end())
      p->second->tests.push_back(mention.place);
  }
  for (const auto& [number, p] : by_number) {
    if (!p->tests.empty() && !p->missing.empty())
      problems.push_back(
          {p->missing_place, fmt::format("{} is not missing: {}", number, p->tests.front().text())});
    if (p->tests.empty() && p->missing.empty())
      problems.push_back({p->place, fmt::format("{} has no test and is not listed as missing", number)});
  }
}

Coverage read_coverage(const fs::path& top) {
  Coverage coverage;
  const auto name = [&](const fs::path& file) { return fs::relative(file, top).generic_string(); };
  for (const fs::path& file : files_below(top / "tests/catalogue", {".txt"})) {
    Catalogue& catalogue =
        coverage.catalogues.emplace_back(parse_catalogue(name(file), read_file(file), coverage.problems));
    fs::path missing = file;
    missing.replace_extension(".missing");
    if (fs::exists(missing)) parse_missing(catalogue, name(missing), read_file(missing), coverage.problems);
  }
  std::vector<Mention> mentions;
  for (const fs::path& file : files_below(top / "tests", {".cpp", ".hpp", ".c"}))
    for (Mention& mention : mentions_in(name(file), read_file(file), coverage.problems))
      mentions.push_back(std::move(mention));
  match(coverage.catalogues, mentions, coverage.problems);
  std::ranges::sort(coverage.problems, {}, &Problem::place);
  return coverage;
}

} // namespace runnel::qemu
