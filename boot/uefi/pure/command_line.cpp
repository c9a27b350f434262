// SPDX-License-Identifier: Apache-2.0
#include "boot/uefi/pure/command_line.hpp"

namespace runnel::uefi {

const char* take_command_line(const char* text, std::size_t bytes, char* out, std::size_t out_bytes) {
  const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (bytes != 0 && is_space(text[bytes - 1])) --bytes;
  if (bytes >= out_bytes) return "longer than 2047 characters";
  for (std::size_t i = 0; i < bytes; ++i) {
    if (text[i] < 0x20 || text[i] > 0x7e) return "not one line of printable ASCII";
    out[i] = text[i];
  }
  out[bytes] = '\0';
  return nullptr;
}

} // namespace runnel::uefi
