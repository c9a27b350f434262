// SPDX-License-Identifier: Apache-2.0
// What is known about files: stat and its family, listings, chmod, chown, times, statfs.
#include "kernel/fs/vfs.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/file/abi_stat.hpp"
#include "kernel/user/file/call_support.hpp"
#include "kernel/user/file/calls.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::user {

namespace {

using fs::AttributeChange;
using fs::Change;
constexpr u32 bit(Change change) { return static_cast<u32>(change); }

fs::Stat stat_of(const fs::Path& path) {
  fs::Stat stat;
  path.inode().stat(stat);
  stat.mount_id = path.mount->id;
  return stat;
}
fs::Stat stat_of(const File& file) {
  fs::Stat stat;
  file.stat(stat);
  if (file.path() != nullptr) stat.mount_id = file.path()->mount->id;
  return stat;
}

Result<fs::Stat> stat_at(i32 dir, u64 path, u32 flags) {
  if ((flags & kAtEmptyPath) != 0) {
    u8 first = 0;
    if (path != 0) RUNNEL_TRY(copy_from_user(&first, path, 1));
    if (first == 0 && dir != kAtCurrent) { // any kind of file, also one without a name
      const auto file = my_files().find(dir);
      if (!file) return err(file.error());
      return stat_of(**file);
    }
  }
  const auto place = find_place(dir, path, flags);
  if (!place) return err(place.error());
  return stat_of(*place);
}

i64 change_at(i32 dir, u64 path, u32 flags, const AttributeChange& change) {
  const auto place = find_place(dir, path, flags);
  return place ? to_syscall(place->inode().change(change)) : negative(place.error());
}
i64 change_fd(i32 fd, const AttributeChange& change) {
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  fs::Inode* const inode = (*file)->inode();
  return inode != nullptr ? to_syscall(inode->change(change)) : negative(Errno::kOPNOTSUPP);
}

AttributeChange owner(u32 uid, u32 gid) {
  constexpr u32 kKeep = ~u32{0};
  return {.what = (uid != kKeep ? bit(Change::kUid) : 0) | (gid != kKeep ? bit(Change::kGid) : 0),
          .uid = uid,
          .gid = gid};
}
AttributeChange permissions(u32 mode) { return {.what = bit(Change::kMode), .mode = mode & 07777}; }

/// struct linux_dirent64 after struct linux_dirent64.
class Entries final : public fs::DirSink {
 public:
  explicit Entries(std::span<char> buffer) : buffer_(buffer) {}

  bool add(std::string_view name, u64 inode, u32 type, u64 next) override {
    struct Head {
      u64 inode;
      i64 next;
      u16 size;
      u8 type;
    };
    constexpr usize kNameAt = 19;
    const usize size = align_up(kNameAt + name.size() + 1, 8);
    if (size > buffer_.size() - used_) {
      full_ = true;
      return false;
    }
    char* const at = buffer_.data() + used_;
    std::memset(at, 0, size);
    const Head head{inode, static_cast<i64>(next), static_cast<u16>(size), static_cast<u8>(type >> 12)};
    std::memcpy(at, &head, kNameAt);
    std::memcpy(at + kNameAt, name.data(), name.size());
    used_ += size;
    return true;
  }
  usize used() const { return used_; }
  bool full() const { return full_; }

 private:
  std::span<char> buffer_;
  usize used_ = 0;
  bool full_ = false;
};

i64 give_statfs(const fs::Inode* inode, u64 to) {
  constexpr u64 kAnonymousMagic = 0x0904'1934;
  fs::FsStat stat;
  if (inode != nullptr)
    inode->sb.statfs(stat);
  else
    stat.magic = kAnonymousMagic;
  return to_syscall(write_statfs(to, stat));
}

/// The two times of utimensat at `from`; 0: both now.
Result<AttributeChange> read_times(u64 from) {
  constexpr i64 kNow = 0x3fffffff, kOmit = 0x3ffffffe, kSecond = 1'000'000'000;
  struct {
    i64 seconds, nanoseconds;
  } times[2] = {{0, kNow}, {0, kNow}};
  if (from != 0) RUNNEL_TRY(copy_from_user(times, from, sizeof times));
  AttributeChange change;
  const u32 bits[] = {bit(Change::kAtime), bit(Change::kMtime)};
  i64* const to[] = {&change.atime, &change.mtime};
  for (u32 i = 0; i < 2; ++i) {
    const auto& time = times[i];
    if (time.nanoseconds == kOmit) continue;
    change.what |= bits[i];
    if (time.nanoseconds == kNow)
      *to[i] = fs::realtime_now();
    else if (time.nanoseconds < 0 || time.nanoseconds >= kSecond || time.seconds > (i64{1} << 33) ||
             time.seconds < -(i64{1} << 33))
      return err(Errno::kINVAL);
    else
      *to[i] = time.seconds * kSecond + time.nanoseconds;
  }
  return change;
}

} // namespace

i64 sys_fstat(i32 fd, u64 to) {
  const auto file = my_files().find(fd);
  return file ? to_syscall(write_stat(to, stat_of(**file))) : negative(file.error());
}
i64 sys_newfstatat(i32 dir, u64 path, u64 to, u32 flags) {
  const auto stat = stat_at(dir, path, flags);
  return stat ? to_syscall(write_stat(to, *stat)) : negative(stat.error());
}
i64 sys_stat(u64 path, u64 to) { return sys_newfstatat(kAtCurrent, path, to, 0); }
i64 sys_lstat(u64 path, u64 to) { return sys_newfstatat(kAtCurrent, path, to, kAtNoFollow); }
i64 sys_statx(i32 dir, u64 path, u32 flags, u32 mask, u64 to) {
  constexpr u32 kSyncType = 0x6000, kReserved = 0x8000'0000;
  if ((mask & kReserved) != 0 || (flags & kSyncType) == kSyncType) return negative(Errno::kINVAL);
  const auto stat = stat_at(dir, path, flags & ~kSyncType);
  return stat ? to_syscall(write_statx(to, *stat)) : negative(stat.error());
}

i64 sys_getdents64(i32 fd, u64 to, u32 size) {
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  HeapArray<char> buffer;
  constexpr u32 kMost = 32 * 1024;
  if (const auto room = buffer.allocate(std::min(size, kMost)); !room) return negative(room.error());
  Entries entries(buffer.span());
  if (const auto listed = (*file)->list(entries); !listed) return negative(listed.error());
  if (entries.used() == 0) return entries.full() ? negative(Errno::kINVAL) : 0;
  const auto copied = copy_to_user(to, buffer.data(), entries.used());
  return copied ? static_cast<i64>(entries.used()) : negative(copied.error());
}

i64 sys_statfs(u64 path, u64 to) {
  const auto place = find_place(kAtCurrent, path, 0);
  return place ? give_statfs(&place->inode(), to) : negative(place.error());
}
i64 sys_fstatfs(i32 fd, u64 to) {
  const auto file = my_files().find(fd);
  return file ? give_statfs((*file)->inode(), to) : negative(file.error());
}

i64 sys_fchmod(i32 fd, u32 mode) { return change_fd(fd, permissions(mode)); }
i64 sys_fchmodat(i32 dir, u64 path, u32 mode) { return change_at(dir, path, 0, permissions(mode)); }
i64 sys_chmod(u64 path, u32 mode) { return change_at(kAtCurrent, path, 0, permissions(mode)); }
i64 sys_fchown(i32 fd, u32 uid, u32 gid) { return change_fd(fd, owner(uid, gid)); }
i64 sys_fchownat(i32 dir, u64 path, u32 uid, u32 gid, u32 flags) {
  return change_at(dir, path, flags, owner(uid, gid));
}
i64 sys_chown(u64 path, u32 uid, u32 gid) { return change_at(kAtCurrent, path, 0, owner(uid, gid)); }
i64 sys_lchown(u64 path, u32 uid, u32 gid) {
  return change_at(kAtCurrent, path, kAtNoFollow, owner(uid, gid));
}

i64 sys_utimensat(i32 dir, u64 path, u64 times, u32 flags) {
  const auto change = read_times(times);
  if (!change) return negative(change.error());
  return path == 0 ? change_fd(dir, *change) : change_at(dir, path, flags, *change);
}

} // namespace runnel::user
