// SPDX-License-Identifier: Apache-2.0
#include "qemu/terminal.hpp"

#include <cstdlib>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace runnel::qemu {

Terminal::Terminal() : tty_(::isatty(STDOUT_FILENO) == 1) {
  const char* term = std::getenv("TERM");
  const bool dumb = term != nullptr && std::string_view(term) == "dumb";
  colours_ = tty_ && !dumb && std::getenv("NO_COLOR") == nullptr;
  winsize size = {};
  if (tty_ && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) width_ = size.ws_col;
}

const Terminal& Terminal::get() {
  static const Terminal terminal;
  return terminal;
}

std::string Terminal::paint(Tone tone, std::string_view text) const {
  if (!colours_) return std::string(text);
  const char* code = tone == Tone::kGood  ? "32"
                     : tone == Tone::kBad ? "31;1"
                     : tone == Tone::kDim ? "2"
                                          : "1";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

} // namespace runnel::qemu
