// SPDX-License-Identifier: Apache-2.0
// Paths as the walk takes them apart: components, slashes, targets of links put in front.
#include "kernel/fs/path_text.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace runnel;
using fs::PathText;

namespace {

/// "a b/ c" for a path: each component, with a slash where it must be a directory, "!" behind the last.
std::string taken_apart(PathText& text) {
  std::string result;
  for (;;) {
    const PathText::Component c = text.next();
    if (c.name.empty()) return result;
    result +=
        (result.empty() ? "" : " ") + std::string(c.name) + (c.slash_after ? "/" : "") + (c.last ? "!" : "");
  }
}
std::string taken_apart(std::string_view path, usize room = 4096) {
  std::vector<char> buffer(room);
  PathText text(buffer);
  const Result<> put = text.prepend(path);
  if (!put)
    return put.error() == Errno::kNOENT         ? "ENOENT"
           : put.error() == Errno::kNAMETOOLONG ? "ENAMETOOLONG"
                                                : "?";
  return (text.is_absolute() ? "/ " : "") + taken_apart(text);
}

} // namespace

TEST_CASE("path text: components and slashes", "[fs]") {
  CHECK(taken_apart("a") == "a!");
  CHECK(taken_apart("a/b") == "a/ b!");
  CHECK(taken_apart("/a//b///") == "/ a/ b/!");
  CHECK(taken_apart("/") == "/ ");
  CHECK(taken_apart("///") == "/ ");
  CHECK(taken_apart("./..") == "./ ..!");
  CHECK(taken_apart("") == "ENOENT");
  CHECK(taken_apart("12345678", 8) == "12345678!");
  CHECK(taken_apart("123456789", 8) == "ENAMETOOLONG");
}

TEST_CASE("path text: a link's target comes before what is left", "[fs]") {
  char buffer[16];
  PathText text(buffer);
  REQUIRE(text.prepend("l/x/").has_value());
  const auto link = text.next();
  CHECK(link.name == "l");
  CHECK(!link.last);
  CHECK(text.prepend("").error() == Errno::kNOENT);
  REQUIRE(text.prepend("/p/q").has_value());
  CHECK(text.is_absolute());
  CHECK(taken_apart(text) == "p/ q/ x/!");
  REQUIRE(text.prepend("last").has_value());
  CHECK(!text.is_absolute());
  CHECK(taken_apart(text) == "last!");
  // What is left takes room.
  REQUIRE(text.prepend("a/bcdefghijklmno").has_value());
  CHECK(text.next().name == "a");
  CHECK(text.prepend("12").error() == Errno::kNAMETOOLONG);
  REQUIRE(text.prepend("1").has_value());
  CHECK(taken_apart(text) == "1/ bcdefghijklmno!");
}
