// SPDX-License-Identifier: Apache-2.0
// The JSON reader: lines, order, rt-app's liberties, and damaged text.
#include "qemu/scenario/json.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::scenario;

namespace {
std::string error_of(std::string_view text) {
  const auto value = parse_json(text);
  if (value) return "";
  return std::to_string(value.error().at.line) + ":" + std::to_string(value.error().at.column) + " " +
         value.error().text;
}
} // namespace

TEST_CASE("json: values carry their lines and members their order", "[scenario]") {
  const auto value = parse_json("\xef\xbb\xbf// c\n{ \"b\": 1,\n\"a\": [true, null, -2.5e1],\n\n\"b\": "
                                "\"x\\n\\u00e9\\ud83d\\ude00\", \"lone\" , }");
  REQUIRE(value);
  REQUIRE(value->members.size() == 4);
  CHECK(value->at.line == 2);
  CHECK(value->members[0].key == "b");
  CHECK(value->members[0].value.integer == 1);
  CHECK(value->members[1].at.line == 3);
  const auto& items = value->members[1].value.items;
  REQUIRE(items.size() == 3);
  CHECK(items[0].boolean);
  CHECK(items[1].kind == JsonValue::Kind::kNull);
  CHECK(items[2].number == -25.0);
  CHECK_FALSE(items[2].integer.has_value());
  CHECK(value->members[2].at.line == 5);
  CHECK(value->members[2].value.text == "x\n\xc3\xa9\xf0\x9f\x98\x80");
  CHECK(value->members[3].value.kind == JsonValue::Kind::kAbsent);
}

TEST_CASE("json: numbers at the edge of 64 bits", "[scenario]") {
  CHECK(parse_json("9223372036854775807")->integer == 9223372036854775807);
  CHECK(parse_json("-9223372036854775808")->integer == std::numeric_limits<i64>::min());
  CHECK_FALSE(parse_json("9223372036854775808")->integer.has_value());
  CHECK(parse_json("1e400")->kind == JsonValue::Kind::kNumber);
}

TEST_CASE("json: what is wrong is named with line and column", "[scenario]") {
  CHECK(error_of("") == "1:1 the file is empty, expected { \"tasks\" : ... }");
  CHECK(error_of("{\n\"a\" 1 }") == "2:5 '1' where : should be, after \"a\"");
  CHECK(error_of("{\n\"a\": 1 \"b\": 2 }") == "2:8 '\"' where , or } should be");
  CHECK(error_of("{ \"a\": [1, 2") == "1:13 the [ of line 1 has no ]");
  CHECK(error_of("{\n\n") == "3:1 the { of line 1 has no }");
  CHECK(error_of("{ a: 1 }") == "1:3 'a' where a \"key\" or } should be");
  CHECK(error_of("{ \"a\": yes }") == "1:8 'yes' is no value; text needs double quotes");
  CHECK(error_of("{ \"a\": 01 }") == "1:10 a number must not begin with 0");
  CHECK(error_of("[1.]") == "1:4 ']' where a digit after the point should be");
  CHECK(error_of("[\"a\n\"]") == "1:4 the string of line 1 has no closing \"");
  CHECK(error_of("[\"\\x\"]") == "1:4 \\x is no escape sequence");
  CHECK(error_of("[\"\\ud800\"]") == "1:9 half a surrogate pair");
  CHECK(error_of("{} {}") == "1:4 '{' after the end of the document");
  CHECK(error_of("/* x") == "1:5 the comment that begins in line 1 has no end");
  CHECK(error_of("[\x01]") == "1:2 byte 0x01 where a value should be");
  CHECK(error_of(std::string(100, '[')) == "1:18 nested deeper than 16 levels");
}

TEST_CASE("json: no prefix of a document is accepted, none crashes", "[scenario]") {
  const std::string whole = R"({ "a" : [ 1, 2.5e3, "t\u0041" ], /* c */ "b" : { "c" : true } })";
  REQUIRE(parse_json(whole));
  for (usize n = 0; n < whole.size(); ++n) {
    INFO("prefix of " << n);
    CHECK_FALSE(parse_json(std::string_view(whole).substr(0, n)).has_value());
  }
}
