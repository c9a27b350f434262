// SPDX-License-Identifier: Apache-2.0
// One line of input on a terminal: echo, backspace, ^U, ^C, ^D, and the arrow keys through the lines before.
#pragma once

#include "kernel/lib/format.hpp"

namespace runnel::shell {

class LineEditor {
 public:
  enum class Event : u8 {
    kNone,
    kLine,       // line() is complete; the next key begins a new one
    kInterrupt,  // ^C: the line was thrown away
    kEndOfInput, // ^D on an empty line
  };

  /// Takes one received byte; what the terminal is to show goes to `echo`.
  Event key(char c, Sink& echo);
  /// The line just completed; valid until the next key.
  std::string_view line() const { return {text_, length_}; }

 private:
  static constexpr usize kMaxLine = 160;
  static constexpr usize kHistory = 16;
  enum class Escape : u8 { kNone, kEscape, kBracket };

  Event finish_line(Sink& echo);
  void escape_key(char c, Sink& echo);
  void insert(char c, Sink& echo);
  void erase_all(Sink& echo);
  void recall(usize back, Sink& echo);
  void remember();

  char text_[kMaxLine] = {};
  usize length_ = 0;
  bool complete_ = false; // the next key begins a new line
  Escape escape_ = Escape::kNone;
  char last_ = '\0'; // to take CR LF as one

  struct Entry {
    char text[kMaxLine] = {};
    usize length = 0;
  };
  Entry history_[kHistory] = {};
  usize remembered_ = 0; // ever
  usize browsing_ = 0;   // 0: the new line; n: the n-th before
};

} // namespace runnel::shell
