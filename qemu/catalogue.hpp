// SPDX-License-Identifier: Apache-2.0
// Catalogues of properties (tests/catalogue/NAME.txt) and the tests that carry their numbers.
//
// NAME.txt      NUMBER LEVEL what has to hold      level "-": a rule tests may name, not counted as a
// property
//               prefix P                           tests write P.NUMBER; needed where numbers of catalogues
//               collide
// NAME.missing  NUMBER why no test has it
// In both, # begins a comment. A test has a number when it is a tag of a Catch2 test, "[F01]", or stands
// alone or first, "// F16, F17" or "// F16: text", in the comment directly above a RUNNEL_TEST. Tests that
// only run when asked for by name do not count.
#pragma once

#include "kernel/lib/types.hpp"

#include <compare>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace runnel::qemu {

struct Place {
  std::string file; // from the top of the tree
  u32 line = 0;
  auto operator<=>(const Place&) const = default;
  std::string text() const { return file + ":" + std::to_string(line); }
};

/// Something the lint complains about.
struct Problem {
  Place place;
  std::string what;
};
using Problems = std::vector<Problem>;

struct Property {
  std::string number, level, what; // the number with its catalogue's prefix
  Place place;
  std::vector<Place> tests;
  std::string missing; // why there is no test; empty: not said
  Place missing_place;
};

struct Catalogue {
  std::string name;
  std::vector<Property> properties;
  std::set<std::string> rules;
};

Catalogue parse_catalogue(const std::string& file, std::string_view text, Problems& problems);
void parse_missing(Catalogue& catalogue, const std::string& file, std::string_view text, Problems& problems);

/// A number on a test.
struct Mention {
  std::string number;
  Place place;
};
std::vector<Mention> mentions_in(const std::string& file, std::string_view source, Problems& problems);

/// Gives each property its tests; then whatever is unknown, both covered and missing, or neither is a
/// problem.
void match(std::vector<Catalogue>& catalogues, const std::vector<Mention>& mentions, Problems& problems);

struct Coverage {
  std::vector<Catalogue> catalogues; // by name
  Problems problems;                 // by place
};

/// Everything under `top`/tests. Throws Failure(kInternal) when a file cannot be read.
Coverage read_coverage(const std::filesystem::path& top);

} // namespace runnel::qemu
