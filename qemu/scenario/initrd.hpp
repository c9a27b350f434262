// SPDX-License-Identifier: Apache-2.0
// Writes the initial ram disk: a cpio archive in "newc" format, not compressed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace runnel::scenario {

struct InitrdFile {
  std::string name; // no leading slash
  std::string content;
  std::uint32_t mode = 0100644; // type and permissions, as in stat
};

/// The whole archive as bytes, padded to 512 like cpio(1) does. The same input gives the same bytes: no
/// times, no owners. Throws std::invalid_argument on an empty name, a name with a NUL, or a file of 4 GiB or
/// more.
std::string make_initrd(const std::vector<InitrdFile>& files);

} // namespace runnel::scenario
