// SPDX-License-Identifier: Apache-2.0
// What may stand in \runnel\cmdline.txt. Pure, tested on the host.
#pragma once

#include <cstddef>

namespace runnel::uefi {

/// Copies `bytes` bytes of text to `out` and terminates it with NUL; white space at the end (the newline an
/// editor leaves) is dropped. Returns nullptr, or what is wrong, in words that follow "command line: ".
/// Accepted: printable ASCII and less than `out_bytes` characters.
const char* take_command_line(const char* text, std::size_t bytes, char* out, std::size_t out_bytes);

} // namespace runnel::uefi
