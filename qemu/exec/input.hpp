// SPDX-License-Identifier: Apache-2.0
// Our standard input on its way to a guest's program: bytes and the end of the file in one stream, as fast as
// the guest takes them. A terminal is in raw mode meanwhile: lines, echo and signals are the guest's.
#pragma once

#include "kernel/lib/types.hpp"

#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <termios.h>

namespace runnel::qemu {

/// Bytes as the guest's console takes them.
std::string encode_input(std::string_view bytes);
/// The end of the file.
std::string encode_input_end();

class GuestInput {
 public:
  /// `to`: the guest's serial line; stays open as long as this.
  explicit GuestInput(int to);
  ~GuestInput();
  GuestInput(const GuestInput&) = delete;
  GuestInput& operator=(const GuestInput&) = delete;

  /// What to wait for.
  void prepare(pollfd& ours, pollfd& theirs) const;
  /// Moves on what there is. False: the user typed Ctrl-A x and wants to leave.
  bool pump(const pollfd& ours, const pollfd& theirs);

 private:
  bool take(std::string_view bytes);

  int to_;
  std::string pending_;
  std::optional<termios> old_; // of the terminal, when it is one
  bool open_ = true, escape_ = false;
};

/// What our standard input is to a program: "terminal", "pipe", or "" when it is /dev/null or closed.
std::string_view input_kind();

} // namespace runnel::qemu
