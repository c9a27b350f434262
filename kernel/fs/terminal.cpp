// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/terminal.hpp"

namespace runnel::fs {
namespace {

constexpr i32 kSigInt = 2, kSigQuit = 3, kSigTstp = 20;
bool is_unprintable(char c) { return (static_cast<u8>(c) < ' ' && c != '\t') || c == 0x7f; }

} // namespace

void Terminal::make_raw() {
  termios_.iflag = 0;
  termios_.lflag = 0;
}

void Terminal::set(const Termios& settings) {
  const bool was_canonical = has(Termios::kIcanon);
  termios_ = settings;
  if (was_canonical && !has(Termios::kIcanon)) committed_ = put_; // an unfinished line is there for all
}

void Terminal::put(u16 value) {
  if (has_room()) ring_[put_++ % kSize] = value;
}

void Terminal::show(char c, Sink& echo) const {
  if (!has(Termios::kEcho)) return;
  if (c != '\n' && is_unprintable(c) && has(Termios::kEchoControl)) {
    const char text[] = {'^', static_cast<char>(c ^ 0x40)};
    echo.write({text, sizeof text});
  } else {
    echo.write({&c, 1});
  }
}

/// Off the line that is being typed.
void Terminal::erase_one(Sink& echo) {
  const u16 last = ring_[--put_ % kSize];
  if (!has(Termios::kEcho) || !has(Termios::kEchoErase)) return;
  echo.write(is_unprintable(static_cast<char>(last)) && has(Termios::kEchoControl) ? "\b\b  \b\b" : "\b \b");
}

i32 Terminal::signal_of(char c) const {
  if (!has(Termios::kIsig)) return 0;
  if (is_control(Termios::kIntr, c)) return kSigInt;
  if (is_control(Termios::kQuit, c)) return kSigQuit;
  return is_control(Termios::kSuspend, c) ? kSigTstp : 0;
}

/// Keys that change the line, or end the file.
bool Terminal::edit(char c, Sink& echo) {
  if (is_control(Termios::kErase, c) || c == '\b') {
    if (put_ != committed_) erase_one(echo);
    return true;
  }
  if (is_control(Termios::kKill, c)) {
    while (put_ != committed_) erase_one(echo);
    return true;
  }
  if (is_control(Termios::kWordErase, c)) {
    const auto last = [&] { return ring_[(put_ - 1) % kSize]; };
    while (put_ != committed_ && last() == ' ') erase_one(echo);
    while (put_ != committed_ && last() != ' ') erase_one(echo);
    return true;
  }
  if (!is_control(Termios::kEof, c)) return false;
  put(kEofMark);
  committed_ = put_;
  return true;
}

i32 Terminal::input(char c, Sink& echo) {
  if (c == '\r' && (termios_.iflag & Termios::kIgnoreCr) != 0) return 0;
  if (c == '\r' && (termios_.iflag & Termios::kIcrnl) != 0) c = '\n';
  if (const i32 signal = signal_of(c); signal != 0) {
    show(c, echo);
    flush();
    return signal;
  }
  if (!has(Termios::kIcanon)) {
    put(static_cast<u8>(c));
    committed_ = put_;
    show(c, echo);
    return 0;
  }
  if (edit(c, echo)) return 0;
  // The last place is the line end's.
  if (c != '\n' && put_ - got_ >= kSize - 1) return 0;
  put(static_cast<u8>(c));
  show(c, echo);
  if (c == '\n') committed_ = put_;
  return 0;
}

void Terminal::end() {
  committed_ = put_;
  ended_ = true;
}

std::optional<usize> Terminal::take(std::span<char> to) {
  if (got_ == committed_) return ended_ ? std::optional<usize>(0) : std::nullopt;
  usize n = 0;
  while (got_ != committed_ && n < to.size()) {
    const u16 value = ring_[got_ % kSize];
    if (value == kEofMark && n != 0) break; // of "abc^D": below
    ++got_;
    if (value == kEofMark) break;
    to[n++] = static_cast<char>(value);
    if (value == '\n' && has(Termios::kIcanon)) break;
  }
  const bool ends_inside_line = n != 0 && to[n - 1] != '\n';
  if (ends_inside_line && got_ != committed_ && ring_[got_ % kSize] == kEofMark) ++got_;
  return n;
}

void Terminal::flush() { got_ = committed_ = put_; }

} // namespace runnel::fs
