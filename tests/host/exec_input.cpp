// SPDX-License-Identifier: Apache-2.0
// What a program is to read, as the guest's console takes it.
#include "qemu/exec/input.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace runnel::qemu;

TEST_CASE("exec input: the escape byte is doubled, everything else stays", "[exec]") {
  CHECK(encode_input("") == "");
  CHECK(encode_input("a line\n\x04\xff") == "a line\n\x04\xff");
  CHECK(encode_input("\x10"
                     "E\x10") == "\x10\x10"
                                 "E\x10\x10");
  CHECK(encode_input_end() == "\x10"
                              "E");
}
