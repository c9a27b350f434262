// SPDX-License-Identifier: Apache-2.0
// What the architectures lay out differently (linux_abi 7): struct stat and four of the open flags.
#pragma once

#include "kernel/fs/stat.hpp"
#include "kernel/lib/errno.hpp"

namespace runnel::user {

/// This architecture's struct stat; struct statx and struct statfs, which are the same on all. kFAULT.
Result<> write_stat(u64 to, const fs::Stat& stat);
Result<> write_statx(u64 to, const fs::Stat& stat);
Result<> write_statfs(u64 to, const fs::FsStat& stat);

/// The user's open flags as fs::OpenFlag, and back.
u32 open_flags_from_user(u32 flags);
u32 open_flags_to_user(u32 flags);

} // namespace runnel::user
