// SPDX-License-Identifier: Apache-2.0
#include "kernel/shell/line_editor.hpp"

#include <algorithm>

namespace runnel::shell {
namespace {
constexpr char kCtrlC = 3, kCtrlD = 4, kBackspace = 8, kCtrlU = 21, kEscapeKey = 27, kDelete = 127;
constexpr std::string_view kRubOut = "\b \b";
} // namespace

LineEditor::Event LineEditor::key(char c, Sink& echo) {
  if (complete_) {
    complete_ = false;
    length_ = browsing_ = 0;
  }
  const bool line_feed_of_pair = c == '\n' && last_ == '\r';
  last_ = c;
  if (line_feed_of_pair) return Event::kNone;
  if (escape_ != Escape::kNone) {
    escape_key(c, echo);
    return Event::kNone;
  }
  switch (c) {
  case '\r':
  case '\n':
    return finish_line(echo);
  case kCtrlC:
    echo.write("^C\n");
    length_ = browsing_ = 0;
    return Event::kInterrupt;
  case kCtrlD:
    if (length_ != 0) return Event::kNone;
    echo.write("\n");
    return Event::kEndOfInput;
  case kCtrlU:
    erase_all(echo);
    break;
  case kEscapeKey:
    escape_ = Escape::kEscape;
    break;
  case kBackspace:
  case kDelete:
    if (length_ != 0) {
      --length_;
      echo.write(kRubOut);
    }
    break;
  default:
    insert(c, echo);
    break;
  }
  return Event::kNone;
}

LineEditor::Event LineEditor::finish_line(Sink& echo) {
  echo.write("\n");
  complete_ = true;
  remember();
  return Event::kLine;
}

/// Inside ESC [ x: A is arrow up, B arrow down, everything else is swallowed.
void LineEditor::escape_key(char c, Sink& echo) {
  if (escape_ == Escape::kEscape) {
    escape_ = c == '[' || c == 'O' ? Escape::kBracket : Escape::kNone;
    return;
  }
  if ((c >= '0' && c <= '9') || c == ';') return; // parameters come before the final byte
  escape_ = Escape::kNone;
  const usize kept = std::min(remembered_, kHistory);
  if (c == 'A' && browsing_ < kept) recall(browsing_ + 1, echo);
  if (c == 'B' && browsing_ > 0) recall(browsing_ - 1, echo);
}

void LineEditor::insert(char c, Sink& echo) {
  if (c < ' ' || c > '~') return;
  if (length_ == kMaxLine) return echo.write("\a");
  text_[length_++] = c;
  echo.write({&c, 1});
}

void LineEditor::erase_all(Sink& echo) {
  for (; length_ != 0; --length_) echo.write(kRubOut);
}

void LineEditor::recall(usize back, Sink& echo) {
  erase_all(echo);
  browsing_ = back;
  if (back == 0) return;
  const Entry& entry = history_[(remembered_ - back) % kHistory];
  std::copy_n(entry.text, entry.length, text_);
  length_ = entry.length;
  echo.write(line());
}

void LineEditor::remember() {
  if (length_ == 0) return;
  if (remembered_ != 0) {
    const Entry& newest = history_[(remembered_ - 1) % kHistory];
    if (std::string_view{newest.text, newest.length} == line()) return;
  }
  Entry& entry = history_[remembered_++ % kHistory];
  std::copy_n(text_, length_, entry.text);
  entry.length = length_;
}

} // namespace runnel::shell
