// SPDX-License-Identifier: Apache-2.0
// The first line of scripts, as execve reads it.
#include "kernel/user/exec_script.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace runnel;

TEST_CASE("script: the interpreter and its one argument", "[user]") {
  struct Line {
    std::string text, interpreter, argument;
  };
  for (const Line& line : {Line{"#!/bin/sh\nbody\n", "/bin/sh", ""},
                           {"#!/bin/sh", "/bin/sh", ""},
                           {"#! \t /bin/sh \t\n", "/bin/sh", ""},
                           {"#!/bin/sh -e\n", "/bin/sh", "-e"},
                           {"#!/bin/env  a b\tc \n", "/bin/env", "a b\tc"},
                           {std::string("#!/bin/sh\0 -x\n", 14), "/bin/sh", ""},
                           {"#!/bin/sh " + std::string(400, 'x'), "/bin/sh", std::string(246, 'x')}}) {
    INFO(line.text);
    const auto read = user::parse_script_line(line.text);
    REQUIRE(read);
    CHECK(read->interpreter == line.interpreter);
    CHECK(read->argument == line.argument);
  }
}

TEST_CASE("script: a line without an interpreter is refused", "[user]") {
  for (const std::string& text : {std::string("#!"), std::string("#!\n/bin/sh\n"), std::string("#! \t \n"),
                                  std::string("#!\0/bin/sh\n", 11), "#!/" + std::string(300, 'x')}) {
    INFO(text);
    const auto read = user::parse_script_line(text);
    REQUIRE_FALSE(read);
    CHECK(read.error() == Errno::kNOEXEC);
  }
  CHECK_FALSE(user::is_script("#"));
  CHECK_FALSE(user::is_script("\x7f"
                              "ELF"));
}
