// SPDX-License-Identifier: Apache-2.0
// kernel/shell: editing a line, its history, and "did you mean".
#include "kernel/shell/line_editor.hpp"
#include "kernel/shell/nearest.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

using namespace runnel;
using shell::LineEditor;
using Event = LineEditor::Event;

namespace {

struct Terminal final : Sink {
  std::unique_ptr<LineEditor> editor = std::make_unique<LineEditor>();
  std::string shown;
  void write(std::string_view text) override { shown += text; }
  Event type(std::string_view keys) {
    Event last = Event::kNone;
    for (const char c : keys) last = editor->key(c, *this);
    return last;
  }
  std::string line(std::string_view keys) {
    CHECK(type(keys) == Event::kLine);
    return std::string(editor->line());
  }
};

constexpr const char* kUp = "\x1b[A";
constexpr const char* kDown = "\x1b[B";

} // namespace

TEST_CASE("line editor: lines end in CR, LF or both", "[shell]") {
  Terminal t;
  CHECK(t.line("ps\r") == "ps");
  CHECK(t.type("\n") == Event::kNone); // the second half of CR LF
  CHECK(t.line("cpus\n") == "cpus");
  CHECK(t.line("\r").empty());
  CHECK(t.shown == "ps\ncpus\n\n");
}

TEST_CASE("line editor: backspace, ^U, ^C, ^D", "[shell]") {
  Terminal t;
  CHECK(t.line("px\x7fs\r") == "ps");
  CHECK(t.line("\b\b\bok\r") == "ok");
  CHECK(t.line("garbage\x15list\r") == "list");
  CHECK(t.type("half\x03") == Event::kInterrupt);
  CHECK(t.type("a\x04") == Event::kNone);
  CHECK(t.line("b\r") == "ab");
  CHECK(t.type("\x04") == Event::kEndOfInput);
}

TEST_CASE("line editor: history", "[shell]") {
  Terminal t;
  t.line("one\r");
  t.line("two\r");
  t.line("two\r"); // not kept twice
  CHECK(t.line(std::string(kUp) + "\r") == "two");
  CHECK(t.line(std::string(kUp) + kUp + "\r") == "one");
  CHECK(t.line(std::string(kUp) + kUp + kUp + kUp + kDown + "\r") ==
        "two"); // one, two, one: up to the oldest, down
  CHECK(t.line(std::string("x") + kUp + kDown + "y\r") == "y");
  CHECK(t.line(std::string(kUp) + "!\r") == "y!");
}

TEST_CASE("line editor: the history forgets the oldest", "[shell]") {
  Terminal t;
  for (int i = 0; i < 40; ++i) t.line(std::to_string(i) + "\r");
  std::string keys;
  for (int i = 0; i < 100; ++i) keys += kUp;
  CHECK(t.line(keys + "\r") == "24");
}

TEST_CASE("line editor: other escapes and control bytes are swallowed, length is bounded", "[shell]") {
  Terminal t;
  CHECK(t.line("a\x1b[3~b\x1b[1;5C\x01\xff"
               "c\r") == "abc");
  const std::string line = t.line(std::string(1000, 'x') + "\r");
  CHECK(line == std::string(160, 'x'));
}

TEST_CASE("nearest: what was meant", "[shell]") {
  constexpr std::string_view kWords[] = {"help", "list", "test", "ps", "cpus", "memory"};
  CHECK(shell::nearest("hlep", kWords) == "help");
  CHECK(shell::nearest("memroy", kWords) == "memory");
  CHECK(shell::nearest("lst", kWords) == "list");
  CHECK(shell::nearest("p", kWords).empty()); // everything is near a single letter
  CHECK(shell::nearest("frobnicate", kWords).empty());
  CHECK(shell::nearest(std::string(1000, 'a'), kWords).empty());
}
