// SPDX-License-Identifier: Apache-2.0
// Debian's own binaries, unmodified, for either architecture: fetched from the archive when they are first
// wanted, unpacked in the build tree, never installed.
#pragma once

#include "qemu/files.hpp"

#include <string>
#include <vector>

namespace runnel::qemu {

/// A folder with these packages' files in their places. apt looks them up with the host's sources, in a state
/// of its own: nothing on the host changes, and no root is needed. What was fetched once is not fetched
/// again. Throws Failure(kMissing) that says why they cannot be had. Any thread.
fs::path debian_files(Arch arch, const std::vector<std::string>& packages);

/// The kernel image of Debian's Linux for virtual machines. As above.
fs::path debian_kernel(Arch arch);

} // namespace runnel::qemu
