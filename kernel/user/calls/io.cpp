// SPDX-License-Identifier: Apache-2.0
// read, write and their relatives: what works on every kind of file.
#include "kernel/fs/io_buffer.hpp"
#include "kernel/fs/ioctl.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/file/call_support.hpp"
#include "kernel/user/file/calls.hpp"
#include "kernel/user/file/iovec.hpp"

#include <algorithm>

namespace runnel::user {

using fs::IoBuffer;

namespace {

enum class Direction : u8 { kRead, kWrite };
constexpr i64 kNoPosition = -1; // preadv2, pwritev2: the file's own

i64 transfer(File& file, Direction direction, IoBuffer& buffer) {
  return to_syscall(direction == Direction::kRead ? file.read(buffer) : file.write(buffer));
}

i64 transfer_at(File& file, Direction direction, IoBuffer& buffer, i64 at) {
  if (at < 0) return negative(Errno::kINVAL);
  const u64 position = static_cast<u64>(at);
  return to_syscall(direction == Direction::kRead ? file.read_from(buffer, position)
                                                  : file.write_to(buffer, position));
}

Result<u64> checked_size(u64 address, u64 size) {
  if (static_cast<i64>(size) < 0) return err(Errno::kINVAL);
  if (!is_user_range(address, size)) return err(Errno::kFAULT);
  return std::min(size, kMaxTransfer);
}

i64 transfer_range(i32 fd, Direction direction, u64 address, u64 size) {
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  const auto length = checked_size(address, size);
  if (!length) return negative(length.error());
  IoBuffer buffer(address, *length);
  return transfer(**file, direction, buffer);
}

i64 transfer_range_at(i32 fd, Direction direction, u64 address, u64 size, i64 at) {
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  const auto length = checked_size(address, size);
  if (!length) return negative(length.error());
  IoBuffer buffer(address, *length);
  return transfer_at(**file, direction, buffer, at);
}

i64 transfer_ranges(i32 fd, Direction direction, u64 address, u64 count) {
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  UserRanges ranges;
  if (const auto read = ranges.read(address, count); !read) return negative(read.error());
  IoBuffer buffer(ranges.get(), fs::IoSpace::kUser);
  if (buffer.empty()) return 0;
  return transfer(**file, direction, buffer);
}

i64 transfer_ranges_at(i32 fd, Direction direction, u64 address, u64 count, i64 at) {
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  UserRanges ranges;
  if (const auto read = ranges.read(address, count); !read) return negative(read.error());
  IoBuffer buffer(ranges.get(), fs::IoSpace::kUser);
  return transfer_at(**file, direction, buffer, at);
}

} // namespace

Result<> UserRanges::read(u64 address, u64 count) {
  if (count > kMaxRanges) return err(Errno::kINVAL);
  RUNNEL_TRY(ranges_.allocate(count));
  RUNNEL_TRY(copy_from_user(ranges_.data(), address, count * sizeof(fs::IoSegment)));
  u64 left = kMaxTransfer; // what is longer is cut
  for (fs::IoSegment& range : ranges_.span()) {
    if (static_cast<i64>(range.size) < 0) return err(Errno::kINVAL);
    if (!is_user_range(range.base, range.size)) return err(Errno::kFAULT);
    range.size = std::min(range.size, left);
    left -= range.size;
  }
  return {};
}

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
// The position comes in two halves; on 64-bit machines the first has all of it.
i64 sys_preadv(i32 fd, u64 ranges, u64 count, i64 at, u64) {
  return transfer_ranges_at(fd, Direction::kRead, ranges, count, at);
}
i64 sys_pwritev(i32 fd, u64 ranges, u64 count, i64 at, u64) {
  return transfer_ranges_at(fd, Direction::kWrite, ranges, count, at);
}
i64 sys_preadv2(i32 fd, u64 ranges, u64 count, i64 at, u64, u32 flags) {
  if (flags != 0) return negative(Errno::kOPNOTSUPP);
  return at == kNoPosition ? sys_readv(fd, ranges, count) : sys_preadv(fd, ranges, count, at, 0);
}
i64 sys_pwritev2(i32 fd, u64 ranges, u64 count, i64 at, u64, u32 flags) {
  if (flags != 0) return negative(Errno::kOPNOTSUPP);
  return at == kNoPosition ? sys_writev(fd, ranges, count) : sys_pwritev(fd, ranges, count, at, 0);
}

i64 sys_lseek(i32 fd, i64 offset, u32 whence) {
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  return to_syscall((*file)->seek(offset, static_cast<fs::Whence>(whence)));
}

i64 sys_ioctl(i32 fd, u32 request, u64 argument) {
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  switch (request) {
  case fs::ioctls::kFioClex:
    return to_syscall(my_files().set_on_exec(fd, FileTable::OnExec::kClose));
  case fs::ioctls::kFionClex:
    return to_syscall(my_files().set_on_exec(fd, FileTable::OnExec::kKeep));
  case fs::ioctls::kFionBio: {
    const auto on = load_user<u32>(argument);
    if (!on) return negative(on.error());
    (*file)->set_flags(*on != 0 ? (*file)->flags() | fs::kNonBlock : (*file)->flags() & ~u32{fs::kNonBlock});
    return 0;
  }
  default:
    return to_syscall((*file)->ioctl(request, argument));
  }
}

// Callers fall back to read and write.
i64 sys_sendfile(i32, i32, u64, u64) { return negative(Errno::kINVAL); }

// Memory is all there is behind a file.
i64 sys_fsync(i32 fd) {
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  return (*file)->can_poll() ? negative(Errno::kINVAL) : 0;
}
i64 sys_sync() { return 0; }
i64 sys_syncfs(i32 fd) {
  const auto file = find_open(fd);
  return file ? 0 : negative(file.error());
}
i64 sys_fadvise64(i32 fd, i64, i64, i32 advice) {
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  if (!(*file)->has_position()) return negative(Errno::kSPIPE);
  return advice < 0 || advice > 5 ? negative(Errno::kINVAL) : 0;
}

} // namespace runnel::user
