// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/file/stat.hpp"

#include "kernel/user/uaccess.hpp"

namespace runnel::user {
namespace {

struct TimePair {
  i64 seconds, nanoseconds;
};
constexpr TimePair pair_of(Instant at) {
  constexpr u64 kSecond = 1'000'000'000;
  return {static_cast<i64>(at.ns / kSecond), static_cast<i64>(at.ns % kSecond)};
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

template <typename Layout> Result<> write_as(u64 to, const FileStat& stat) {
  Layout out{};
  out.device = stat.device;
  out.inode = stat.inode;
  out.mode = stat.mode;
  out.links = stat.links;
  out.uid = stat.uid;
  out.gid = stat.gid;
  out.special_device = stat.special_device;
  out.size = static_cast<i64>(stat.size);
  out.block_size = static_cast<decltype(out.block_size)>(stat.block_size);
  out.blocks = static_cast<i64>(stat.blocks);
  out.accessed = pair_of(stat.accessed);
  out.modified = pair_of(stat.modified);
  out.changed = pair_of(stat.changed);
  return copy_to_user(to, &out, sizeof out);
}

} // namespace

Result<> write_stat(u64 to, const FileStat& stat) {
  if constexpr (arch::kGenericNumbers) return write_as<StatGeneric>(to, stat);
  return write_as<StatX86>(to, stat);
}

} // namespace runnel::user
