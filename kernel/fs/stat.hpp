// SPDX-License-Identifier: Apache-2.0
// What is known about a file, and the numbers of file types, modes and open flags. Open flags are x86_64's
// here; kernel/user/file converts where an architecture differs (spec linux_abi 7).
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::fs {

inline constexpr u32 kTypeMask = 0170000;
inline constexpr u32 kTypeFifo = 0010000, kTypeChar = 0020000, kTypeDirectory = 0040000, kTypeBlock = 0060000,
                     kTypeRegular = 0100000, kTypeSymlink = 0120000, kTypeSocket = 0140000;
inline constexpr u32 kModeSetUid = 04000, kModeSetGid = 02000, kModeSticky = 01000;

enum OpenFlag : u32 {
  kReadOnly = 0,
  kWriteOnly = 1,
  kReadWrite = 2,
  kAccessMode = 3,
  kCreate = 0x40,
  kExclusive = 0x80,
  kNoCtty = 0x100,
  kTruncate = 0x200,
  kAppend = 0x400,
  kNonBlock = 0x800,
  kDSync = 0x1000,
  kAsync = 0x2000,
  kDirect = 0x4000,
  kLargeFile = 0x8000,
  kDirectory = 0x10000,
  kNoFollow = 0x20000,
  kNoAtime = 0x40000,
  kCloseOnExec = 0x80000,
  kPath = 0x200000,
  kTmpFile = 0x400000,
};

/// Device number as struct stat has it for small numbers.
constexpr u64 make_device(u32 major, u32 minor) {
  return u64{minor & 0xff} | u64{major & 0xfff} << 8 | u64{minor & ~0xffu} << 12;
}

/// Times are nanoseconds of CLOCK_REALTIME.
struct Stat {
  u64 device = 0;
  u64 inode = 0;
  u64 links = 1;
  u32 mode = 0;
  u32 uid = 0, gid = 0;
  u64 rdev = 0;
  u64 size = 0;
  u32 block_size = kPageSize;
  u64 blocks = 0; // of 512 bytes
  i64 atime = 0, mtime = 0, ctime = 0, btime = 0;
  u64 mount_id = 0;
};

struct FsStat {
  u64 magic = 0;
  u64 block_size = kPageSize;
  u64 blocks = 0, free_blocks = 0;
  u64 files = 0, free_files = 0;
  u64 name_length = 255;
  u64 flags = 0x20; // ST_VALID
};

} // namespace runnel::fs
