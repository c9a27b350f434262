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

/// Opens a fifo; access was checked. A reader waits for a writer and the other way round, who does both for
/// nobody; with kNonBlock a reader does not wait, and a writer without a reader gets kNXIO. kRESTARTSYS: a
/// signal came; kNOMEM.
Result<FilePtr> open_fifo(const Path& path, u32 flags);

} // namespace runnel::fs
