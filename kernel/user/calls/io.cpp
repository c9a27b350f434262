// SPDX-License-Identifier: Apache-2.0
// read, write and their relatives: what works on every kind of file.
#include "kernel/mm/kmalloc.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/file/file_table.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {
namespace {

enum class Direction : u8 { kRead, kWrite };

Result<FileRef> open_for(i32 fd, Direction direction) {
  auto file = current_process().files->find(fd);
  if (!file) return file;
  const bool allowed = direction == Direction::kRead ? (*file)->can_read() : (*file)->can_write();
  if (!allowed || ((*file)->flags() & kOpenPath) != 0) return err(Errno::kBADF);
  return file;
}

i64 transfer_at(File& file, Direction direction, UserBuffer& buffer, u64& position) {
  return direction == Direction::kRead ? file.read(buffer, position) : file.write(buffer, position);
}

i64 transfer(File& file, Direction direction, UserBuffer& buffer) {
  u64 none = 0;
  if (!file.has_position()) return transfer_at(file, direction, buffer, none);
  const MutexGuard guard(file.position_lock);
  return transfer_at(file, direction, buffer, file.position);
}

i64 transfer_range(i32 fd, Direction direction, u64 address, u64 size) {
  const auto file = open_for(fd, direction);
  if (!file) return negative(file.error());
  if (static_cast<i64>(size) < 0) return negative(Errno::kINVAL);
  if (!is_user_range(address, size)) return negative(Errno::kFAULT);
  const UserRange range[] = {{address, size}};
  UserBuffer buffer(range);
  return transfer(**file, direction, buffer);
}

i64 transfer_range_at(i32 fd, Direction direction, u64 address, u64 size, i64 at) {
  if (at < 0) return negative(Errno::kINVAL);
  const auto file = open_for(fd, direction);
  if (!file) return negative(file.error());
  if (!(*file)->has_position()) return negative(Errno::kSPIPE);
  if (static_cast<i64>(size) < 0) return negative(Errno::kINVAL);
  if (!is_user_range(address, size)) return negative(Errno::kFAULT);
  const UserRange range[] = {{address, size}};
  UserBuffer buffer(range);
  u64 position = static_cast<u64>(at);
  return transfer_at(**file, direction, buffer, position);
}

/// The user's iovec array, checked as Linux checks it.
class Ranges {
 public:
  Ranges() = default;
  ~Ranges() { kfree(large_); }
  Ranges(const Ranges&) = delete;
  Ranges& operator=(const Ranges&) = delete;

  Result<std::span<const UserRange>> read(u64 address, u64 count) {
    if (count > kMaxRanges) return err(Errno::kINVAL);
    UserRange* ranges = small_;
    if (count > kSmall) {
      ranges = large_ = static_cast<UserRange*>(kmalloc(count * sizeof(UserRange)));
      if (ranges == nullptr) return err(Errno::kNOMEM);
    }
    RUNNEL_TRY(copy_from_user(ranges, address, count * sizeof(UserRange)));
    for (u64 i = 0; i < count; ++i) {
      if (static_cast<i64>(ranges[i].size) < 0) return err(Errno::kINVAL);
      if (!is_user_range(ranges[i].address, ranges[i].size)) return err(Errno::kFAULT);
    }
    return std::span<const UserRange>(ranges, count);
  }

 private:
  static constexpr u64 kSmall = 8;
  UserRange small_[kSmall];
  UserRange* large_ = nullptr;
};

i64 transfer_ranges(i32 fd, Direction direction, u64 address, u64 count) {
  const auto file = open_for(fd, direction);
  if (!file) return negative(file.error());
  Ranges storage;
  const auto ranges = storage.read(address, count);
  if (!ranges) return negative(ranges.error());
  UserBuffer buffer(*ranges);
  if (buffer.size() == 0) return 0;
  return transfer(**file, direction, buffer);
}

} // namespace

i64 sys_read(i32 fd, u64 to, u64 size) { return transfer_range(fd, Direction::kRead, to, size); }
i64 sys_write(i32 fd, u64 from, u64 size) { return transfer_range(fd, Direction::kWrite, from, size); }
i64 sys_pread64(i32 fd, u64 to, u64 size, i64 at) {
  return transfer_range_at(fd, Direction::kRead, to, size, at);
}
i64 sys_pwrite64(i32 fd, u64 from, u64 size, i64 at) {
  return transfer_range_at(fd, Direction::kWrite, from, size, at);
}
i64 sys_readv(i32 fd, u64 ranges, u64 count) { return transfer_ranges(fd, Direction::kRead, ranges, count); }
i64 sys_writev(i32 fd, u64 ranges, u64 count) {
  return transfer_ranges(fd, Direction::kWrite, ranges, count);
}

i64 sys_lseek(i32 fd, i64 offset, u32 whence) {
  const auto file = current_process().files->find(fd);
  if (!file) return negative(file.error());
  if (whence > static_cast<u32>(Whence::kHole)) return negative(Errno::kINVAL);
  return (*file)->seek(offset, static_cast<Whence>(whence));
}

i64 sys_ioctl(i32 fd, u32 request, u64 argument) {
  constexpr u32 kNonBlock = 0x5421, kCloseOnExec = 0x5451, kNotOnExec = 0x5450;
  FileTable& files = *current_process().files;
  const auto file = files.find(fd);
  if (!file) return negative(file.error());
  switch (request) {
  case kCloseOnExec:
    return to_syscall(files.set_on_exec(fd, FileTable::OnExec::kClose));
  case kNotOnExec:
    return to_syscall(files.set_on_exec(fd, FileTable::OnExec::kKeep));
  case kNonBlock: {
    const auto on = load_user<u32>(argument);
    if (!on) return negative(on.error());
    (*file)->set_flags(*on != 0 ? (*file)->flags() | kOpenNonBlock : (*file)->flags() & ~kOpenNonBlock);
    return 0;
  }
  default:
    return (*file)->ioctl(request, argument);
  }
}

} // namespace runnel::user
