// SPDX-License-Identifier: Apache-2.0
// The catalogues of properties against the tests that carry their numbers.
#include "qemu/catalogue.hpp"
#include "qemu/cxx_tests.hpp"
#include "qemu/files.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::qemu;

namespace {

std::vector<std::string> numbers(const std::string& source, Problems* problems = nullptr) {
  Problems own;
  std::vector<std::string> out;
  for (const Mention& m : mentions_in("tests/x.cpp", source, problems != nullptr ? *problems : own))
    out.push_back(m.number + "@" + std::to_string(m.place.line));
  return out;
}

using Numbers = std::vector<std::string>;

bool complains(const Problems& problems, const std::string& place, const std::string& of) {
  return std::ranges::any_of(problems, [&](const Problem& p) {
    return p.place.text() == place && p.what.find(of) != std::string::npos;
  });
}

} // namespace

TEST_CASE("catalogue: numbers are the tags of Catch2 tests", "[tool][catalogue]") {
  CHECK(numbers(R"cpp(TEST_CASE("a", "[F01]") {})cpp") == Numbers{"F01@1"});
  CHECK(numbers("\n\nTEST_CASE(\"a, [F09] (b\",\n  \"[fair]\"\n  \"[F01][C02b]\") {}\n") ==
        Numbers{"F01@3", "C02b@3"});
  CHECK(numbers(R"cpp(TEST_CASE("[F01]") {})cpp").empty());
  CHECK(numbers(R"cpp(TEMPLATE_TEST_CASE("a", "[F01]", int, std::pair<int, int>) {})cpp").empty());
  CHECK(numbers(R"cpp(TEST_CASE("a", "[rseq.C01][ext.T-01][tool][x86_64]") {})cpp") ==
        Numbers{"rseq.C01@1", "ext.T-01@1"});
}

TEST_CASE("catalogue: tests that do not run by default cover nothing", "[tool][catalogue]") {
  CHECK(numbers(R"cpp(TEST_CASE("a", "[.][F01]") {})cpp").empty());
  CHECK(numbers(R"cpp(TEST_CASE("a", "[F01][.slow]") {})cpp").empty());
  CHECK(numbers(R"cpp(TEST_CASE("a", "[F01][!mayfail]") {})cpp").empty());
  CHECK(numbers("// F01\nRUNNEL_TEST(a, b, .select = test::Select::kOnlyByName) {}\n").empty());
}

TEST_CASE("catalogue: what is not code is no test", "[tool][catalogue]") {
  CHECK(numbers("// TEST_CASE(\"a\", \"[F01]\")\n/* TEST_CASE(\"a\", \"[F01]\")\n */").empty());
  CHECK(numbers("auto s = R\"x(TEST_CASE(\"a\", \"[F01]\") )\" )x\"; auto t = \"TEST_CASE(\\\"a\\\", "
                "\\\"[F01]\\\")\";")
            .empty());
  CHECK(numbers("int n = 1'000'000; char c = '\"', d = '\\''; TEST_CASE(\"a\", \"[F01]\") {}") ==
        Numbers{"F01@1"});
  CHECK(numbers("#define MY_TEST_CASE(a, b) x\nMY_TEST_CASE(\"a\", \"[F01]\")").empty());
  CHECK(numbers("TEST_CASE(\"never closed\", \"[F01]").size() == 1); // and it ends
}

TEST_CASE("catalogue: numbers stand in the comment above an on-target test", "[tool][catalogue]") {
  CHECK(numbers("// F16, F17\nRUNNEL_TEST(fair, shares, .cpus = 2) {}\n") == Numbers{"F16@2", "F17@2"});
  CHECK(numbers("// F16: two hogs\n// F17\nRUNNEL_TEST(a, b) {}\n") == Numbers{"F17@3", "F16@3"});
  CHECK(numbers("// C31\n// runs elsewhere, as F16 says\nRUNNEL_TEST(a, b) {}\n") == Numbers{"C31@3"});
  CHECK(numbers("// Like F16, F17\nRUNNEL_TEST(a, b) {}\n").empty());
  CHECK(numbers("int x; // F16\nRUNNEL_TEST(a, b) {}\n").empty());

  Problems problems;
  CHECK(numbers("// F16\n\nRUNNEL_TEST(a, b) {}\n", &problems).empty());
  CHECK(complains(problems, "tests/x.cpp:1", "no RUNNEL_TEST"));
  CHECK(problems.size() == 1);
}

TEST_CASE("catalogue: files that cannot be meant are named", "[tool][catalogue]") {
  Problems problems;
  const Catalogue c = parse_catalogue(
      "tests/catalogue/a.txt",
      "# a comment\nF01 U weights\nF01 U again\nF02 Z level\nF03 K\nhello K x\n\nrules B1-B3\nrules B1\n",
      problems);
  CHECK(c.name == "a");
  REQUIRE(c.properties.size() == 1);
  CHECK(c.properties[0].what == "weights");
  CHECK(c.rules == std::set<std::string>{"B1", "B2", "B3"});
  CHECK(complains(problems, "tests/catalogue/a.txt:3", "twice"));
  CHECK(complains(problems, "tests/catalogue/a.txt:4", "level"));
  CHECK(complains(problems, "tests/catalogue/a.txt:5", "text"));
  CHECK(complains(problems, "tests/catalogue/a.txt:6", "not a number"));
  CHECK(complains(problems, "tests/catalogue/a.txt:9", "no range"));
  CHECK(problems.size() == 5);

  problems.clear();
  Catalogue d = c;
  parse_missing(d, "a.missing", "# why\nF01 not yet\nF01 again\nF09 unknown\nB1 a rule\n", problems);
  CHECK(d.properties[0].missing == "not yet");
  CHECK(complains(problems, "a.missing:3", "twice"));
  CHECK(complains(problems, "a.missing:4", "not a property"));
  CHECK(complains(problems, "a.missing:5", "not a property"));
  d = c;
  parse_missing(d, "a.missing", "F01\n", problems);
  CHECK(complains(problems, "a.missing:1", "no reason"));
}

TEST_CASE("catalogue: unknown, both, and neither are told", "[tool][catalogue]") {
  Problems problems;
  std::vector<Catalogue> all = {
      parse_catalogue("a.txt", "F01 U a\nF02 U b\nF03 U c\nF04 U d\nrules B1-B2\n", problems),
      parse_catalogue("b.txt", "prefix b\nF01 U other\n", problems)};
  parse_missing(all[0], "a.missing", "F02 not yet\nF03 not yet\n", problems);
  REQUIRE(problems.empty());
  match(all,
        {{"F01", {"t.cpp", 1}},
         {"F01", {"t.cpp", 1}},
         {"F02", {"t.cpp", 2}},
         {"F99", {"t.cpp", 3}},
         {"B1", {"t.cpp", 4}},
         {"b.F01", {"t.cpp", 5}}},
        problems);
  CHECK(all[0].properties[0].tests == std::vector<Place>{{"t.cpp", 1}});
  CHECK(all[1].properties[0].tests == std::vector<Place>{{"t.cpp", 5}});
  CHECK(complains(problems, "a.missing:1", "F02 is not missing: t.cpp:2"));
  CHECK(complains(problems, "t.cpp:3", "F99"));
  CHECK(complains(problems, "a.txt:4", "F04 has no test"));
  CHECK(problems.size() == 3);

  problems.clear();
  std::vector<Catalogue> same = {parse_catalogue("a.txt", "F01 U a\n", problems),
                                 parse_catalogue("b.txt", "F01 U b\n", problems)};
  match(same, {{"F01", {"t.cpp", 1}}}, problems);
  CHECK(complains(problems, "b.txt:1", "prefix"));
}

TEST_CASE("catalogue: a tree is read as a whole", "[tool][catalogue]") {
  const TempFolder folder;
  const auto put = [&](const std::string& name, const std::string& text) {
    fs::create_directories((folder.path() / name).parent_path());
    write_file(folder.path() / name, text);
  };
  put("tests/catalogue/a.txt", "F01 U a\nF02 K b\nF03 K c\n");
  put("tests/catalogue/a.missing", "F03 needs a machine\n");
  put("tests/host/one.cpp", "TEST_CASE(\"x\", \"[F01]\") {}\n");
  put("tests/target/x86_64/two.cpp", "// F02\nRUNNEL_TEST(a, b) {}\n");
  put("tests/target/notes.txt", "TEST_CASE(\"x\", \"[F99]\")\n");
  const Coverage coverage = read_coverage(folder.path());
  CHECK(coverage.problems.empty());
  REQUIRE(coverage.catalogues.size() == 1);
  const auto& p = coverage.catalogues[0].properties;
  CHECK(p[0].tests == std::vector<Place>{{"tests/host/one.cpp", 1}});
  CHECK(p[1].tests == std::vector<Place>{{"tests/target/x86_64/two.cpp", 2}});
  CHECK(p[2].missing == "needs a machine");
}
