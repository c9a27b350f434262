// SPDX-License-Identifier: Apache-2.0
// The last part of a stream of text in a fixed buffer. Pure data; the log holds its lock around it.
#pragma once

#include "kernel/lib/types.hpp"

#include <span>
#include <string_view>

namespace runnel::log {

template <usize Size> class Ring {
  static_assert((Size & (Size - 1)) == 0, "the position is masked");

 public:
  void put(char c) { text_[written_++ & (Size - 1)] = c; }
  u64 written() const { return written_; }

  /// Copies the newest text that fits, starting at the beginning of a line; what was copied.
  std::string_view copy_recent(std::span<char> buffer) const {
    const u64 kept = written_ < Size ? written_ : Size;
    u64 from = written_ - (kept < buffer.size() ? kept : buffer.size());
    const bool known_before = from > written_ - kept; // the byte before `from` is still there to look at
    if (from != 0 &&
        (!known_before || at(from - 1) != '\n')) // cut at the front: begin with the next whole line
      while (from != written_ && at(from++) != '\n') {
      }
    usize used = 0;
    while (from != written_) buffer[used++] = at(from++);
    return {buffer.data(), used};
  }

 private:
  // A position that was just overwritten reads as its successor; harmless, it only decides where a line
  // begins.
  char at(u64 position) const { return text_[position & (Size - 1)]; }

  u64 written_ = 0;
  char text_[Size] = {};
};

} // namespace runnel::log
