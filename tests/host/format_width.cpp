// SPDX-License-Identifier: Apache-2.0
// kernel/lib/format.hpp: widths, and what happens when they are absurd.
#include "kernel/lib/format.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace runnel;

namespace {

/// Counts what it is told to write, so that a runaway is seen without filling memory.
class CountingSink final : public Sink {
 public:
  void write(std::string_view piece) override {
    size += piece.size();
    if (text.size() < 1000) text += piece;
    REQUIRE(size < 100'000);
  }
  std::string text;
  usize size = 0;
};

std::string formatted(std::string_view fmt, auto... args) {
  CountingSink sink;
  format_to(sink, fmt, args...);
  return sink.text;
}

} // namespace

TEST_CASE("format: a width is a minimum, numbers to the right, text to the left", "[format]") {
  CHECK(formatted("[{:5}]", 42) == "[   42]");
  CHECK(formatted("[{:05}]", -42) == "[-0042]");
  CHECK(formatted("[{:#06x}]", 0xabu) == "[0x00ab]");
  CHECK(formatted("[{:5}]", "ab") == "[ab   ]");
  CHECK(formatted("[{:2}]", 12345) == "[12345]");
}

TEST_CASE("format: a width above the largest counts as the largest", "[format]") {
  const std::string largest(kMaxFormatWidth - 1, ' ');
  CHECK(formatted("{:255}", 7) == largest + "7");
  CHECK(formatted("{:256}", 7) == largest + "7");
  CHECK(formatted("{:4000000000}", 7) == largest + "7");
  CHECK(formatted("{:04294967297}", 7) ==
        std::string(kMaxFormatWidth - 1, '0') + "7"); // 2^32 + 1: no wrapping round
  CHECK(formatted("{:99999999999999999999999}", "x") == "x" + largest);
}
