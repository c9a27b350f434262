// SPDX-License-Identifier: Apache-2.0
// Descriptors: close, dup, fcntl.
#include "kernel/fs/rootfs.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/file/abi_stat.hpp"
#include "kernel/user/file/call_support.hpp"
#include "kernel/user/file/calls.hpp"
#include "kernel/user/file/record_lock.hpp"

namespace runnel::user {

using OnExec = FileTable::OnExec;

i64 sys_close(i32 fd) { return to_syscall(my_files().close(fd)); }

i64 sys_close_range(u32 first, u32 last, u32 flags) {
  constexpr u32 kUnshare = 2, kMark = 4;
  if ((flags & ~(kUnshare | kMark)) != 0 || first > last) return negative(Errno::kINVAL);
  Process& process = current_process();
  if ((flags & kUnshare) != 0 && process.files->users() > 1) {
    const auto own = process.files->clone();
    if (!own) return negative(own.error());
    std::exchange(process.files, *own)->put();
  }
  const auto what = (flags & kMark) != 0 ? FileTable::CloseRange::kMark : FileTable::CloseRange::kClose;
  process.files->close_range(first, last, what);
  return 0;
}

i64 sys_dup(i32 fd) { return new_descriptor(my_files().find(fd), 0); }

i64 sys_dup3(i32 from, i32 to, u32 flags) {
  if ((flags & ~u32{fs::kCloseOnExec}) != 0 || from == to) return negative(Errno::kINVAL);
  auto file = my_files().find(from);
  if (!file) return negative(file.error());
  const auto put = my_files().set(to, std::move(*file), on_exec_of(flags), descriptor_limit());
  return put ? to : negative(put.error());
}

i64 sys_dup2(i32 from, i32 to) {
  if (from != to) return sys_dup3(from, to, 0);
  const auto file = my_files().find(from);
  return file ? to : negative(file.error());
}

i64 sys_fcntl(i32 fd, u32 command, u64 argument) {
  constexpr u32 kDup = 0, kGetFd = 1, kSetFd = 2, kGetFlags = 3, kSetFlags = 4, kSetOwner = 8, kGetOwner = 9,
                kDupCloseOnExec = 1030, kSetPipeSize = 1031, kGetPipeSize = 1032;
  FileTable& files = my_files();
  auto file = files.find(fd);
  if (!file) return negative(file.error());
  switch (command) {
  case kDup:
  case kDupCloseOnExec:
    if (argument > 0x7fffffff) return negative(Errno::kINVAL);
    return to_syscall(files.add(std::move(*file), command == kDup ? OnExec::kKeep : OnExec::kClose,
                                descriptor_limit(), static_cast<i32>(argument)));
  case kGetFd: {
    const auto on_exec = files.on_exec(fd);
    return on_exec ? static_cast<i64>(*on_exec) : negative(on_exec.error());
  }
  case kSetFd:
    return to_syscall(files.set_on_exec(fd, (argument & 1) != 0 ? OnExec::kClose : OnExec::kKeep));
  case kGetFlags: {
    const bool of_system = (*file)->path() != nullptr || (*file)->inode() != nullptr;
    return open_flags_to_user((*file)->flags() | (of_system ? u32{fs::kLargeFile} : 0));
  }
  default:
    break;
  }
  if ((*file)->is_path()) return negative(Errno::kBADF);
  switch (command) {
  case kSetFlags:
    (*file)->set_flags(open_flags_from_user(static_cast<u32>(argument)));
    return 0;
  case kGetLock:
  case kSetLock:
  case kSetLockWait:
  case kGetOpenFileLock:
  case kSetOpenFileLock:
  case kSetOpenFileLockWait:
    return record_lock(fd, *file, command, argument);
  case kSetOwner:
  case kGetOwner:
    return 0;
  case kSetPipeSize:
  case kGetPipeSize:
    return (*file)->has_position() ? negative(Errno::kBADF) : 65536;
  default:
    return negative(Errno::kINVAL);
  }
}

i64 sys_memfd_create(u64 name, u32 flags) {
  constexpr u32 kMemfdCloseOnExec = 1, kSealing = 2, kNoExecSeal = 8, kExec = 16;
  constexpr usize kMaxMemfdName = 249;
  if ((flags & ~(kMemfdCloseOnExec | kSealing | kNoExecSeal | kExec)) != 0) return negative(Errno::kINVAL);
  char text[kMaxMemfdName + 1];
  const auto size = read_user_string(text, name);
  if (!size) return negative(size.error() == Errno::kRANGE ? Errno::kINVAL : size.error());
  return new_descriptor(fs::create_memfd(fs::shared_memory(), {text, *size}, fs::kLargeFile),
                        (flags & kMemfdCloseOnExec) != 0 ? u32{fs::kCloseOnExec} : 0);
}

} // namespace runnel::user
