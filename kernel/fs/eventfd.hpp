// SPDX-License-Identifier: Apache-2.0
// eventfd: a counter that writes add to and reads take.
#pragma once

#include "kernel/fs/file.hpp"

namespace runnel::fs {

enum class EventMode : u8 { kCounter, kSemaphore };
/// `flags`: kNonBlock. kNOMEM.
Result<FilePtr> create_eventfd(u64 initial, EventMode mode, u32 flags);

} // namespace runnel::fs
