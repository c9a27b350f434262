// SPDX-License-Identifier: Apache-2.0
// Pipes: 64 KiB, writes of up to 4096 bytes are not mixed with others'.
#pragma once

#include "kernel/fs/file.hpp"

namespace runnel::fs {

/// The two ends of a new pipe; `flags`: kNonBlock, kDirect is overlooked. kNOMEM.
struct PipeEnds {
  FilePtr reader, writer;
};
Result<PipeEnds> create_pipe(u32 flags);

} // namespace runnel::fs
