// SPDX-License-Identifier: Apache-2.0
// Runs jobs on a number of threads, first come first served.
#pragma once

#include <functional>
#include <span>

namespace runnel::qemu {

/// Calls each job once, at most `threads` at a time. When one throws, no further job is begun, and the first
/// exception is thrown again here after those that run have ended.
void run_jobs(std::span<const std::function<void()>> jobs, unsigned threads);

} // namespace runnel::qemu
