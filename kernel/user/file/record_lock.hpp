// SPDX-License-Identifier: Apache-2.0
// fcntl()'s commands for record locks.
#pragma once

#include "kernel/user/file/file_table.hpp"

namespace runnel::user {

enum LockCommand : u32 {
  kGetLock = 5,
  kSetLock = 6,
  kSetLockWait = 7,
  kGetOpenFileLock = 36,
  kSetOpenFileLock = 37,
  kSetOpenFileLockWait = 38,
};

/// One of them for `file`, found behind `fd`; `address`: the user's struct flock. A call's result.
i64 record_lock(i32 fd, const FilePtr& file, u32 command, u64 address);

} // namespace runnel::user
