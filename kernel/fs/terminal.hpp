// SPDX-License-Identifier: Apache-2.0
// A terminal's line discipline: typed bytes become lines that can still be changed until they end, with echo,
// signals and end of file; or, without ICANON, bytes as they come. Pure; the owner locks.
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/lib/types.hpp"

#include <optional>

namespace runnel::fs {

/// struct termios as TCGETS gives it, with what `stty sane` would set.
struct Termios {
  static constexpr u32 kIcrnl = 0x100, kIgnoreCr = 0x80;
  static constexpr u32 kIsig = 0x1, kIcanon = 0x2, kEcho = 0x8, kEchoErase = 0x10, kEchoControl = 0x200;
  enum : u32 { kIntr, kQuit, kErase, kKill, kEof, kTime, kMin, kSuspend = 10, kWordErase = 14 };

  u32 iflag = kIcrnl | 0x400;
  u32 oflag = 0x5;
  u32 cflag = 0xbf;
  u32 lflag = kIsig | kIcanon | kEcho | kEchoErase | 0x20 | kEchoControl | 0x8800;
  u8 line = 0;
  u8 control[19] = {3, 0x1c, 0x7f, 0x15, 4, 0, 1, 0, 0x11, 0x13, 0x1a, 0, 0x12, 0xf, 0x17, 0x16};
};
static_assert(sizeof(Termios) == 36);

class Terminal {
 public:
  /// Bytes pass as they are: what comes from a pipe.
  void make_raw();

  const Termios& settings() const { return termios_; }
  void set(const Termios& settings);

  /// One byte that was typed. What it shows goes to `echo`; the signal it sends to the foreground, 0: none.
  i32 input(char c, Sink& echo);
  /// No byte will ever come again.
  void end();
  bool has_room() const { return put_ - got_ < kSize; }

  /// A read need not wait.
  bool is_readable() const { return got_ != committed_ || ended_; }
  u32 available() const { return committed_ - got_; }
  /// What one read gives: bytes, or 0 for an end of file. Nothing: it has to wait.
  std::optional<usize> take(std::span<char> to);
  void flush();

 private:
  static constexpr u32 kSize = 4096;
  static constexpr u16 kEofMark = 0x100; // instead of a byte: a read ends here

  bool has(u32 local) const { return (termios_.lflag & local) != 0; }
  bool is_control(u32 which, char c) const {
    return termios_.control[which] != 0 && static_cast<u8>(c) == termios_.control[which];
  }
  void put(u16 value);
  void show(char c, Sink& echo) const;
  void erase_one(Sink& echo);
  i32 signal_of(char c) const;
  bool edit(char c, Sink& echo);

  Termios termios_;
  u16 ring_[kSize] = {};
  u32 got_ = 0, committed_ = 0, put_ = 0; // committed_: what readers may have
  bool ended_ = false;
};

} // namespace runnel::fs
