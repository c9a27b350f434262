// SPDX-License-Identifier: Apache-2.0
// Linux's numbers for mmap() and its family, the same on x86_64 and aarch64 but for MAP_32BIT.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::user {

enum : u64 { kPROT_NONE = 0, kPROT_READ = 1, kPROT_WRITE = 2, kPROT_EXEC = 4 };
/// Bits of mprotect() only, and what aarch64 adds (accepted, without effect).
enum : u64 {
  kPROT_SEM = 8,
  kPROT_BTI = 0x10,
  kPROT_MTE = 0x20,
  kPROT_GROWSDOWN = 0x01000000,
  kPROT_GROWSUP = 0x02000000
};

enum : u64 {
  kMAP_SHARED = 0x01,
  kMAP_PRIVATE = 0x02,
  kMAP_SHARED_VALIDATE = 0x03,
  kMAP_TYPE = 0x0f,
  kMAP_FIXED = 0x10,
  kMAP_ANONYMOUS = 0x20,
  kMAP_32BIT = 0x40, // x86_64
  kMAP_GROWSDOWN = 0x0100,
  kMAP_DENYWRITE = 0x0800,  // ignored
  kMAP_EXECUTABLE = 0x1000, // ignored
  kMAP_LOCKED = 0x2000,
  kMAP_NORESERVE = 0x4000,
  kMAP_POPULATE = 0x8000,
  kMAP_NONBLOCK = 0x10000,
  kMAP_STACK = 0x20000, // ignored
  kMAP_HUGETLB = 0x40000,
  kMAP_SYNC = 0x80000,
  kMAP_FIXED_NOREPLACE = 0x100000,
};

enum : u64 { kMREMAP_MAYMOVE = 1, kMREMAP_FIXED = 2, kMREMAP_DONTUNMAP = 4 };
enum : u64 { kMS_ASYNC = 1, kMS_INVALIDATE = 2, kMS_SYNC = 4 };

enum : i32 {
  kMADV_NORMAL = 0,
  kMADV_RANDOM = 1,
  kMADV_SEQUENTIAL = 2,
  kMADV_WILLNEED = 3,
  kMADV_DONTNEED = 4,
  kMADV_FREE = 8,
  kMADV_DONTFORK = 10,
  kMADV_DOFORK = 11,
  kMADV_MERGEABLE = 12,
  kMADV_UNMERGEABLE = 13,
  kMADV_HUGEPAGE = 14,
  kMADV_NOHUGEPAGE = 15,
  kMADV_DONTDUMP = 16,
  kMADV_DODUMP = 17,
  kMADV_WIPEONFORK = 18,
  kMADV_KEEPONFORK = 19,
  kMADV_COLD = 20,
  kMADV_PAGEOUT = 21,
  kMADV_POPULATE_READ = 22,
  kMADV_POPULATE_WRITE = 23,
};

} // namespace runnel::user
