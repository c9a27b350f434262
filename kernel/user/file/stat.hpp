// SPDX-License-Identifier: Apache-2.0
// What stat() tells, and the two layouts it is told in (linux_abi 7).
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::user {

enum : u32 {
  kModeType = 0170000,
  kModeFifo = 0010000,
  kModeCharacter = 0020000,
  kModeFolder = 0040000,
  kModeRegular = 0100000,
  kModeLink = 0120000,
  kModeSocket = 0140000,
};

struct FileStat {
  u64 device = 0, inode = 0;
  u32 mode = 0, links = 1, uid = 0, gid = 0;
  u64 special_device = 0; // rdev
  u64 size = 0;
  u64 block_size = 4096;
  u64 blocks = 0; // of 512 bytes
  Instant accessed, modified, changed;
};

/// Writes this architecture's struct stat. kFAULT.
Result<> write_stat(u64 to, const FileStat& stat);

} // namespace runnel::user
