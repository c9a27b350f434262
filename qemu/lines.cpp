// SPDX-License-Identifier: Apache-2.0
#include "qemu/lines.hpp"

namespace runnel::qemu {
namespace {

/// How long the escape sequence at the front of `text` is (it starts with ESC).
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] != '[') return 2;
  std::size_t n = 2;
  while (n < text.size() && (text[n] < '@' || text[n] > '~')) ++n; // parameters, then one final letter
  return n < text.size() ? n + 1 : n;
}

} // namespace

std::string clean_line(std::string_view line) {
  std::string out;
  while (!line.empty()) {
    const char c = line[0];
    if (c == '\x1b') {
      line.remove_prefix(escape_length(line));
      continue;
    }
    if (static_cast<unsigned char>(c) >= ' ' || c == '\t') out += c;
    line.remove_prefix(1);
  }
  return out;
}

} // namespace runnel::qemu
