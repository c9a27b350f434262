// SPDX-License-Identifier: Apache-2.0
// Waiting for several files at once: poll and select.
#pragma once

#include "kernel/fs/file.hpp"

namespace runnel::fs {

/// One file to wait for. Laid out otherwise than struct pollfd: the descriptor was looked up.
struct PollRequest {
  FilePtr file;   // empty: not looked at
  u32 events = 0; // kPollErr and kPollHup come unasked
  u32 result = 0;
};

/// Waits until one of them is ready, `until` is reached or a signal comes (kINTR). How many have a result.
/// kNOMEM.
Result<usize> poll_files(std::span<PollRequest> requests, Instant until);

} // namespace runnel::fs
