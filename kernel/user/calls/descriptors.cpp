// SPDX-License-Identifier: Apache-2.0
// Descriptors: open, close, dup, fcntl, stat.
#include "kernel/mm/unique_ptr.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/file/file_table.hpp"
#include "kernel/user/file/initrd.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {
namespace {

constexpr i32 kAtCurrent = -100; // AT_FDCWD: the root, as long as there is no other folder
constexpr u32 kAtEmptyPath = 0x1000, kAtNoFollow = 0x100, kAtNoAutomount = 0x800;
constexpr u64 kMaxPath = 4096;

using OnExec = FileTable::OnExec;
OnExec on_exec_of(u32 open_flags) {
  return (open_flags & kOpenCloseOnExec) != 0 ? OnExec::kClose : OnExec::kKeep;
}
u64 descriptor_limit() { return current_process().limits[kLimitFiles].soft; }

Result<std::string_view> read_path(std::span<char> buffer, u64 from) {
  const auto length = read_user_string(buffer, from);
  if (!length) return err(length.error() == Errno::kRANGE ? Errno::kNAMETOOLONG : length.error());
  return std::string_view(buffer.data(), *length);
}

/// Seam (files): look-up in a file system. Until then the initrd's files by their full path.
Result<FileRef> open_path(std::string_view path, u32 flags) {
  if (path.empty()) return err(Errno::kNOENT);
  if (path == "/dev/console" || path == "/dev/tty") return open_console(flags);
  return open_initrd(path, flags);
}

i64 fd_add(FileRef file, OnExec on_exec, i32 least = 0) {
  return to_syscall(current_process().files->add(std::move(file), on_exec, descriptor_limit(), least));
}

struct PathBuffer { // on the heap: a kernel stack has no room for it
  char text[kMaxPath];
};

} // namespace

i64 sys_openat(i32, u64 path, u32 flags, u32) {
  const auto buffer = make_unique<PathBuffer>();
  if (!buffer) return negative(Errno::kNOMEM);
  const auto text = read_path(buffer->text, path);
  if (!text) return negative(text.error());
  auto file = open_path(*text, flags);
  if (!file) return negative(file.error());
  return fd_add(std::move(*file), on_exec_of(flags));
}
i64 sys_open(u64 path, u32 flags, u32 mode) { return sys_openat(kAtCurrent, path, flags, mode); }

i64 sys_close(i32 fd) { return to_syscall(current_process().files->close(fd)); }

i64 sys_close_range(u32 first, u32 last, u32 flags) {
  constexpr u32 kUnshare = 2, kMark = 4;
  if ((flags & ~(kUnshare | kMark)) != 0 || first > last) return negative(Errno::kINVAL);
  const auto what = (flags & kMark) != 0 ? FileTable::CloseRange::kMark : FileTable::CloseRange::kClose;
  current_process().files->close_range(first, last, what); // seam: kUnshare, with clone(CLONE_FILES)
  return 0;
}

i64 sys_dup(i32 fd) {
  auto file = current_process().files->find(fd);
  if (!file) return negative(file.error());
  return fd_add(std::move(*file), OnExec::kKeep);
}

i64 sys_dup3(i32 from, i32 to, u32 flags) {
  if ((flags & ~kOpenCloseOnExec) != 0 || from == to) return negative(Errno::kINVAL);
  FileTable& files = *current_process().files;
  auto file = files.find(from);
  if (!file) return negative(file.error());
  const auto put = files.set(to, std::move(*file), on_exec_of(flags), descriptor_limit());
  return put ? to : negative(put.error());
}

i64 sys_dup2(i32 from, i32 to) {
  if (from != to) return sys_dup3(from, to, 0);
  const auto file = current_process().files->find(from);
  return file ? to : negative(file.error());
}

i64 sys_fcntl(i32 fd, u32 command, u64 argument) {
  constexpr u32 kDup = 0, kGetFd = 1, kSetFd = 2, kGetFlags = 3, kSetFlags = 4, kDupCloseOnExec = 1030;
  constexpr u32 kMaySet = kOpenAppend | kOpenNonBlock;
  FileTable& files = *current_process().files;
  auto file = files.find(fd);
  if (!file) return negative(file.error());
  switch (command) {
  case kDup:
  case kDupCloseOnExec:
    if (argument > 0x7fffffff) return negative(Errno::kINVAL);
    return fd_add(std::move(*file), command == kDup ? OnExec::kKeep : OnExec::kClose,
                  static_cast<i32>(argument));
  case kGetFd: {
    const auto on_exec = files.on_exec(fd);
    return on_exec ? static_cast<i64>(*on_exec) : negative(on_exec.error());
  }
  case kSetFd:
    return to_syscall(files.set_on_exec(fd, (argument & 1) != 0 ? OnExec::kClose : OnExec::kKeep));
  case kGetFlags:
    return (*file)->flags();
  case kSetFlags:
    (*file)->set_flags(((*file)->flags() & ~kMaySet) | (static_cast<u32>(argument) & kMaySet));
    return 0;
  default:
    return negative(Errno::kINVAL);
  }
}

i64 sys_fstat(i32 fd, u64 to) {
  const auto file = current_process().files->find(fd);
  if (!file) return negative(file.error());
  return to_syscall(write_stat(to, (*file)->stat()));
}

i64 sys_newfstatat(i32 folder, u64 path, u64 to, u32 flags) {
  if ((flags & ~(kAtEmptyPath | kAtNoFollow | kAtNoAutomount)) != 0) return negative(Errno::kINVAL);
  const auto buffer = make_unique<PathBuffer>();
  if (!buffer) return negative(Errno::kNOMEM);
  std::string_view name; // a null pointer is an empty path here
  if (path != 0 || (flags & kAtEmptyPath) == 0) {
    const auto text = read_path(buffer->text, path);
    if (!text) return negative(text.error());
    name = *text;
  }
  if (name.empty() && (flags & kAtEmptyPath) != 0) return sys_fstat(folder, to);
  const auto file = open_path(name, kOpenRead);
  if (!file) return negative(file.error());
  return to_syscall(write_stat(to, (*file)->stat()));
}
i64 sys_stat(u64 path, u64 to) { return sys_newfstatat(kAtCurrent, path, to, 0); }
i64 sys_lstat(u64 path, u64 to) { return sys_newfstatat(kAtCurrent, path, to, kAtNoFollow); }

i64 sys_readlinkat(i32, u64 path, u64 to, i32 size) {
  if (size <= 0) return negative(Errno::kINVAL);
  const auto buffer = make_unique<PathBuffer>();
  if (!buffer) return negative(Errno::kNOMEM);
  const auto text = read_path(buffer->text, path);
  if (!text) return negative(text.error());
  if (*text != "/proc/self/exe") {
    const auto file = open_path(*text, kOpenRead);
    return negative(file ? Errno::kINVAL : file.error()); // it is there, but no link
  }
  const std::string_view target(current_process().executable);
  const usize length = target.size() < static_cast<usize>(size) ? target.size() : static_cast<usize>(size);
  const auto copied = copy_to_user(to, target.data(), length);
  return copied ? static_cast<i64>(length) : negative(copied.error());
}
i64 sys_readlink(u64 path, u64 to, i32 size) { return sys_readlinkat(kAtCurrent, path, to, size); }

i64 sys_faccessat(i32, u64 path, u32 mode) {
  constexpr u32 kWriteAccess = 2, kAll = 7;
  if ((mode & ~kAll) != 0) return negative(Errno::kINVAL);
  const auto buffer = make_unique<PathBuffer>();
  if (!buffer) return negative(Errno::kNOMEM);
  const auto text = read_path(buffer->text, path);
  if (!text) return negative(text.error());
  const auto file = open_path(*text, kOpenRead);
  if (!file) return negative(file.error());
  return (mode & kWriteAccess) != 0 ? negative(Errno::kROFS) : 0;
}
i64 sys_access(u64 path, u32 mode) { return sys_faccessat(kAtCurrent, path, mode); }

} // namespace runnel::user
