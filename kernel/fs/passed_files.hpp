// SPDX-License-Identifier: Apache-2.0
// Open files on their way through a socket (SCM_RIGHTS).
#pragma once

#include "kernel/fs/file.hpp"

namespace runnel::fs {

/// Those of one message. Complete before it is sent, not changed afterwards: looked at (MSG_PEEK) by several.
struct PassedFiles final : RefCounted {
  static constexpr u32 kMost = 253; // as Linux
  FilePtr files[kMost];
  u32 count = 0;
};
using PassedFilesPtr = RefPtr<PassedFiles>;

} // namespace runnel::fs
