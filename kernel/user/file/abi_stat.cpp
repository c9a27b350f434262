// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/file/abi_stat.hpp"

#include "kernel/user/uaccess.hpp"

#include <cstddef>

namespace runnel::user {
namespace {

struct TimePair {
  i64 seconds, nanoseconds;
};
constexpr TimePair pair_of(i64 ns) {
  constexpr i64 kSecond = 1'000'000'000;
  return {ns / kSecond, ns % kSecond};
}

struct StatX86 {
  u64 device, inode, links;
  u32 mode, uid, gid, pad;
  u64 special_device;
  i64 size, block_size, blocks;
  TimePair accessed, modified, changed;
  i64 unused[3];
};
static_assert(sizeof(StatX86) == 144);

struct StatGeneric {
  u64 device, inode;
  u32 mode, links, uid, gid;
  u64 special_device, pad1;
  i64 size;
  i32 block_size, pad2;
  i64 blocks;
  TimePair accessed, modified, changed;
  u32 unused[2];
};
static_assert(sizeof(StatGeneric) == 128);

template <typename Layout> Result<> write_as(u64 to, const fs::Stat& stat) {
  Layout out{};
  out.device = stat.device;
  out.inode = stat.inode;
  out.mode = stat.mode;
  out.links = static_cast<decltype(out.links)>(stat.links);
  out.uid = stat.uid;
  out.gid = stat.gid;
  out.special_device = stat.rdev;
  out.size = static_cast<i64>(stat.size);
  out.block_size = static_cast<decltype(out.block_size)>(stat.block_size);
  out.blocks = static_cast<i64>(stat.blocks);
  out.accessed = pair_of(stat.atime);
  out.modified = pair_of(stat.mtime);
  out.changed = pair_of(stat.ctime);
  return copy_to_user(to, &out, sizeof out);
}

} // namespace

Result<> write_stat(u64 to, const fs::Stat& stat) {
  if constexpr (arch::kGenericNumbers) return write_as<StatGeneric>(to, stat);
  return write_as<StatX86>(to, stat);
}

Result<> write_statx(u64 to, const fs::Stat& stat) {
  struct StatxTime {
    i64 seconds;
    u32 nanoseconds;
    i32 reserved;
  };
  struct Statx {
    u32 mask, block_size;
    u64 attributes;
    u32 links, uid, gid;
    u16 mode, pad;
    u64 inode, size, blocks, attributes_mask;
    StatxTime accessed, born, changed, modified;
    u32 rdev_major, rdev_minor, device_major, device_minor;
    u64 mount_id;
    u64 spare[13];
  };
  static_assert(sizeof(Statx) == 256 && offsetof(Statx, mount_id) == 144);
  constexpr u32 kBasic = 0x7ff, kBirth = 0x800, kMountId = 0x1000;
  const auto time = [](i64 ns) {
    const TimePair pair = pair_of(ns);
    return StatxTime{pair.seconds, static_cast<u32>(pair.nanoseconds), 0};
  };
  const Statx out{.mask = kBasic | kBirth | (stat.mount_id != 0 ? kMountId : 0),
                  .block_size = stat.block_size,
                  .attributes = 0,
                  .links = static_cast<u32>(stat.links),
                  .uid = stat.uid,
                  .gid = stat.gid,
                  .mode = static_cast<u16>(stat.mode),
                  .pad = 0,
                  .inode = stat.inode,
                  .size = stat.size,
                  .blocks = stat.blocks,
                  .attributes_mask = 0,
                  .accessed = time(stat.atime),
                  .born = time(stat.btime),
                  .changed = time(stat.ctime),
                  .modified = time(stat.mtime),
                  .rdev_major = static_cast<u32>(stat.rdev >> 8 & 0xfff),
                  .rdev_minor = static_cast<u32>((stat.rdev & 0xff) | (stat.rdev >> 12 & ~u64{0xff})),
                  .device_major = static_cast<u32>(stat.device >> 8 & 0xfff),
                  .device_minor = static_cast<u32>((stat.device & 0xff) | (stat.device >> 12 & ~u64{0xff})),
                  .mount_id = stat.mount_id,
                  .spare = {}};
  return copy_to_user(to, &out, sizeof out);
}

Result<> write_statfs(u64 to, const fs::FsStat& stat) {
  struct Statfs { // the same on both architectures
    i64 type, block_size;
    u64 blocks, free_blocks, available_blocks, files, free_files;
    i32 id[2];
    i64 name_length, fragment_size, flags, spare[4];
  };
  static_assert(sizeof(Statfs) == 120);
  const Statfs out{.type = static_cast<i64>(stat.magic),
                   .block_size = static_cast<i64>(stat.block_size),
                   .blocks = stat.blocks,
                   .free_blocks = stat.free_blocks,
                   .available_blocks = stat.free_blocks,
                   .files = stat.files,
                   .free_files = stat.free_files,
                   .id = {},
                   .name_length = static_cast<i64>(stat.name_length),
                   .fragment_size = static_cast<i64>(stat.block_size),
                   .flags = static_cast<i64>(stat.flags),
                   .spare = {}};
  return copy_to_user(to, &out, sizeof out);
}

u32 open_flags_from_user(u32 flags) {
  if constexpr (!arch::kGenericNumbers) return flags;
  // arm64 has the same four bits in another order (linux_abi 7).
  constexpr u32 kTheirDirectory = 0x4000, kTheirNoFollow = 0x8000, kTheirDirect = 0x10000,
                kTheirLarge = 0x20000;
  const u32 rest = flags & ~(kTheirDirectory | kTheirNoFollow | kTheirDirect | kTheirLarge);
  return rest | ((flags & kTheirDirectory) != 0 ? u32{fs::kDirectory} : 0) |
         ((flags & kTheirNoFollow) != 0 ? u32{fs::kNoFollow} : 0) |
         ((flags & kTheirDirect) != 0 ? u32{fs::kDirect} : 0) |
         ((flags & kTheirLarge) != 0 ? u32{fs::kLargeFile} : 0);
}

u32 open_flags_to_user(u32 flags) {
  if constexpr (!arch::kGenericNumbers) return flags;
  constexpr u32 kTheirDirectory = 0x4000, kTheirNoFollow = 0x8000, kTheirDirect = 0x10000,
                kTheirLarge = 0x20000;
  const u32 rest = flags & ~u32{fs::kDirectory | fs::kNoFollow | fs::kDirect | fs::kLargeFile};
  return rest | ((flags & fs::kDirectory) != 0 ? kTheirDirectory : 0) |
         ((flags & fs::kNoFollow) != 0 ? kTheirNoFollow : 0) |
         ((flags & fs::kDirect) != 0 ? kTheirDirect : 0) | ((flags & fs::kLargeFile) != 0 ? kTheirLarge : 0);
}

} // namespace runnel::user
