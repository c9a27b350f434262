// SPDX-License-Identifier: Apache-2.0
// The line discipline: lines, corrections, end of file, signals, echo; and bytes as they are.
#include "kernel/fs/terminal.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

using namespace runnel;
using fs::Terminal;
using fs::Termios;

namespace {

struct Typist {
  std::unique_ptr<Terminal> terminal = std::make_unique<Terminal>();
  std::string echo;
  i32 signal = 0;

  void type(std::string_view keys) {
    for (const char key : keys) {
      char text[16];
      BufferSink sink(text);
      if (const i32 sent = terminal->input(key, sink); sent != 0) signal = sent;
      echo += sink.view();
    }
  }
  /// "-": it would wait.
  std::string read(std::size_t size = 100) {
    std::string text(size, '\0');
    const auto n = terminal->take(text);
    return n ? text.substr(0, *n) : "-";
  }
};

} // namespace

TEST_CASE("terminal: a line is there when it is whole", "[terminal]") {
  Typist t;
  t.type("ab");
  CHECK_FALSE(t.terminal->is_readable());
  CHECK(t.read() == "-");
  t.type("c\rnext");
  CHECK(t.terminal->available() == 4);
  CHECK(t.read() == "abc\n");
  CHECK(t.read() == "-");
  t.type("\n");
  CHECK(t.read(2) == "ne");
  CHECK(t.read() == "xt\n");
  CHECK(t.echo == "abc\nnext\n");
}

TEST_CASE("terminal: what was typed can be taken back until the line ends", "[terminal]") {
  Typist t;
  t.type("\x7fnoo\x7f\x7fx one two\x17three\x15last \x01\x7f\x7f\n");
  CHECK(t.read() == "last\n");
  CHECK(t.echo.find("^A\b\b  \b\b\b \b\n") != std::string::npos);
  t.type("\x7f");
  CHECK(t.read() == "-");
}

TEST_CASE("terminal: end of file is one read of nothing, or the end of a piece of a line", "[terminal]") {
  Typist t;
  t.type("\x04");
  CHECK(t.terminal->is_readable());
  CHECK(t.read() == "");
  CHECK(t.read() == "-");
  t.type("piece\x04");
  CHECK(t.read() == "piece");
  CHECK(t.read() == "-");
  t.terminal->end();
  CHECK(t.read() == "");
  CHECK(t.read() == "");
}

TEST_CASE("terminal: keys that send signals forget what was typed", "[terminal]") {
  Typist t;
  t.type("some\x03");
  CHECK(t.signal == 2);
  t.type("\n");
  CHECK(t.read() == "\n");
  t.type("\x1c");
  CHECK(t.signal == 3);
  t.type("\x1a");
  CHECK(t.signal == 20);
  CHECK(t.echo == "some^C\n^\\^Z");
}

TEST_CASE("terminal: without ICANON bytes come as they are typed", "[terminal]") {
  Typist t;
  t.type("un");
  Termios raw = t.terminal->settings();
  raw.lflag &= ~(Termios::kIcanon | Termios::kEcho | Termios::kIsig);
  raw.iflag &= ~Termios::kIcrnl;
  t.terminal->set(raw);
  CHECK(t.read() == "un");
  t.type("\x03\r\x04\n\xff");
  CHECK(t.signal == 0);
  CHECK(t.read(3) == "\x03\r\x04");
  CHECK(t.read() == "\n\xff");
  CHECK(t.echo == "un");
}

TEST_CASE("terminal: a line that is too long ends all the same", "[terminal]") {
  Typist t;
  t.type(std::string(10'000, 'x'));
  t.type("\n");
  const std::string line = t.read(20'000);
  CHECK(line.size() == 4096);
  CHECK(line.back() == '\n');
}
