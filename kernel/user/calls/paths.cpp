// SPDX-License-Identifier: Apache-2.0
// Calls on names: open, make, remove, rename, link, and where a process is in the tree.
#include "kernel/fs/vfs.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/file/abi_stat.hpp"
#include "kernel/user/file/call_support.hpp"
#include "kernel/user/file/calls.hpp"

#include <algorithm>

namespace runnel::user {

namespace {

u32 without_umask(u32 mode) { return mode & 07777 & ~my_paths().umask.load(std::memory_order_relaxed); }

/// `act(base, text)` for a path of the user.
template <typename Act> i64 with_path(i32 dir, u64 path, Act act) {
  UserPath text;
  if (const auto read = text.read(path); !read) return negative(read.error());
  const auto base = walk_base(dir, text.text());
  if (!base) return negative(base.error());
  return to_syscall(act(*base, text.text()));
}

template <typename Act> i64 with_two_paths(i32 dir, u64 path, i32 other_dir, u64 other_path, Act act) {
  UserPath text, other;
  if (const auto read = text.read(path); !read) return negative(read.error());
  if (const auto read = other.read(other_path); !read) return negative(read.error());
  const auto base = walk_base(dir, text.text());
  if (!base) return negative(base.error());
  const auto other_base = walk_base(other_dir, other.text());
  if (!other_base) return negative(other_base.error());
  return to_syscall(act(*base, text.text(), *other_base, other.text()));
}

i64 make(i32 dir, u64 path, u32 mode, u64 rdev) {
  return with_path(dir, path, [&](const fs::WalkBase& base, std::string_view text) {
    return fs::make_node(base, text, mode, rdev);
  });
}

} // namespace

i64 sys_openat(i32 dir, u64 path, u32 user_flags, u32 mode) {
  const u32 flags = open_flags_from_user(user_flags);
  UserPath text;
  if (const auto read = text.read(path); !read) return negative(read.error());
  const auto base = walk_base(dir, text.text());
  if (!base) return negative(base.error());
  // The number first: a file that was created and cannot be had would be left behind.
  const auto fd = my_files().reserve(on_exec_of(flags), descriptor_limit());
  if (!fd) return negative(fd.error());
  auto file = fs::open(*base, text.text(), flags, without_umask(mode));
  if (!file) {
    my_files().cancel(*fd);
    return negative(file.error());
  }
  my_files().commit(*fd, std::move(*file));
  return *fd;
}
i64 sys_open(u64 path, u32 flags, u32 mode) { return sys_openat(kAtCurrent, path, flags, mode); }
i64 sys_creat(u64 path, u32 mode) {
  return sys_openat(kAtCurrent, path, fs::kCreate | fs::kWriteOnly | fs::kTruncate, mode);
}

i64 sys_mkdirat(i32 dir, u64 path, u32 mode) {
  return make(dir, path, fs::kTypeDirectory | (without_umask(mode) & 01777), 0);
}
i64 sys_mkdir(u64 path, u32 mode) { return sys_mkdirat(kAtCurrent, path, mode); }

i64 sys_mknodat(i32 dir, u64 path, u32 mode, u64 rdev) {
  const u32 type = mode & fs::kTypeMask;
  if (type == fs::kTypeDirectory) return negative(Errno::kPERM);
  if (type != 0 && type != fs::kTypeRegular && type != fs::kTypeFifo && type != fs::kTypeChar &&
      type != fs::kTypeSocket)
    return negative(type == fs::kTypeBlock ? Errno::kPERM : Errno::kINVAL);
  return make(dir, path, (type == 0 ? fs::kTypeRegular : type) | without_umask(mode), rdev);
}
i64 sys_mknod(u64 path, u32 mode, u64 rdev) { return sys_mknodat(kAtCurrent, path, mode, rdev); }

i64 sys_unlinkat(i32 dir, u64 path, u32 flags) {
  if ((flags & ~u32{kAtRemoveDirectory}) != 0) return negative(Errno::kINVAL);
  return with_path(dir, path, [&](const fs::WalkBase& base, std::string_view text) {
    return flags != 0 ? fs::remove_directory(base, text) : fs::remove_file(base, text);
  });
}
i64 sys_unlink(u64 path) { return sys_unlinkat(kAtCurrent, path, 0); }
i64 sys_rmdir(u64 path) { return sys_unlinkat(kAtCurrent, path, kAtRemoveDirectory); }

i64 sys_renameat2(i32 from_dir, u64 from, i32 to_dir, u64 to, u32 flags) {
  return with_two_paths(
      from_dir, from, to_dir, to,
      [&](const fs::WalkBase& a, std::string_view from_text, const fs::WalkBase& b,
          std::string_view to_text) { return fs::rename(a, from_text, b, to_text, flags); });
}
i64 sys_renameat(i32 from_dir, u64 from, i32 to_dir, u64 to) {
  return sys_renameat2(from_dir, from, to_dir, to, 0);
}
i64 sys_rename(u64 from, u64 to) { return sys_renameat2(kAtCurrent, from, kAtCurrent, to, 0); }

i64 sys_symlinkat(u64 target, i32 dir, u64 path) {
  UserPath text;
  if (const auto read = text.read(target); !read) return negative(read.error());
  return with_path(dir, path, [&](const fs::WalkBase& base, std::string_view name) {
    return fs::make_symlink(base, name, text.text());
  });
}
i64 sys_symlink(u64 target, u64 path) { return sys_symlinkat(target, kAtCurrent, path); }

i64 sys_linkat(i32 from_dir, u64 from, i32 to_dir, u64 to, u32 flags) {
  if ((flags & ~u32{kAtFollow | kAtEmptyPath}) != 0) return negative(Errno::kINVAL);
  const auto file =
      find_place(from_dir, from, ((flags & kAtFollow) != 0 ? 0 : u32{kAtNoFollow}) | (flags & kAtEmptyPath));
  if (!file) return negative(file.error());
  return with_path(to_dir, to, [&](const fs::WalkBase& base, std::string_view name) {
    return fs::link_to(*file, base, name);
  });
}
i64 sys_link(u64 from, u64 to) { return sys_linkat(kAtCurrent, from, kAtCurrent, to, 0); }

i64 sys_readlinkat(i32 dir, u64 path, u64 to, i32 size) {
  if (size <= 0) return negative(Errno::kINVAL);
  const auto link = find_place(dir, path, kAtNoFollow | kAtEmptyPath);
  if (!link) return negative(link.error());
  HeapArray<char> buffer;
  const usize wanted = std::min<usize>(static_cast<usize>(size), fs::kMaxPath);
  if (const auto room = buffer.allocate(wanted); !room) return negative(room.error());
  const auto length = fs::read_link(*link, my_paths().root(), buffer.span());
  if (!length) return negative(length.error());
  const auto copied = copy_to_user(to, buffer.data(), *length);
  return copied ? static_cast<i64>(*length) : negative(copied.error());
}
i64 sys_readlink(u64 path, u64 to, i32 size) { return sys_readlinkat(kAtCurrent, path, to, size); }

i64 sys_faccessat2(i32 dir, u64 path, u32 mode, u32 flags) {
  constexpr u32 kEffective = 0x200;
  if ((mode & ~u32{7}) != 0) return negative(Errno::kINVAL);
  const auto place = find_place(dir, path, flags & ~kEffective);
  if (!place) return negative(place.error());
  // Seam (credentials): the real ids count unless kEffective; both are the same until setuid.
  return to_syscall(fs::check_access(place->inode(), mode));
}
i64 sys_faccessat(i32 dir, u64 path, u32 mode) { return sys_faccessat2(dir, path, mode, 0); }
i64 sys_access(u64 path, u32 mode) { return sys_faccessat2(kAtCurrent, path, mode, 0); }

i64 sys_truncate(u64 path, i64 size) {
  if (size < 0) return negative(Errno::kINVAL);
  const auto place = find_place(kAtCurrent, path, 0);
  if (!place) return negative(place.error());
  return to_syscall(fs::truncate(*place, static_cast<u64>(size)));
}
i64 sys_ftruncate(i32 fd, i64 size) {
  if (size < 0) return negative(Errno::kINVAL);
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  if (!(*file)->is_writable()) return negative(Errno::kINVAL);
  return to_syscall((*file)->truncate(static_cast<u64>(size)));
}

i64 sys_chdir(u64 path) {
  auto place = find_place(kAtCurrent, path, 0);
  if (!place) return negative(place.error());
  if (!place->inode().is_directory()) return negative(Errno::kNOTDIR);
  if (const auto may = fs::check_access(place->inode(), fs::kMayExec); !may) return negative(may.error());
  my_paths().set_cwd(std::move(*place));
  return 0;
}
i64 sys_fchdir(i32 fd) {
  const auto file = my_files().find(fd);
  if (!file) return negative(file.error());
  const fs::Path* const path = (*file)->path();
  if (path == nullptr || !path->inode().is_directory()) return negative(Errno::kNOTDIR);
  if (const auto may = fs::check_access(path->inode(), fs::kMayExec); !may) return negative(may.error());
  my_paths().set_cwd(*path);
  return 0;
}
i64 sys_chroot(u64 path) {
  auto place = find_place(kAtCurrent, path, 0);
  if (!place) return negative(place.error());
  if (!place->inode().is_directory()) return negative(Errno::kNOTDIR);
  if (const auto may = fs::check_access(place->inode(), fs::kMayExec); !may) return negative(may.error());
  if (current_process().credentials.euid != 0) return negative(Errno::kPERM); // seam: CAP_SYS_CHROOT
  my_paths().set_root(std::move(*place));
  return 0;
}

i64 sys_getcwd(u64 to, u64 size) {
  HeapArray<char> buffer;
  if (const auto room = buffer.allocate(fs::kMaxPath); !room) return negative(room.error());
  buffer[fs::kMaxPath - 1] = '\0';
  const auto name = fs::name_of(my_paths().cwd(), my_paths().root(), buffer.span().first(fs::kMaxPath - 1));
  if (!name) return negative(name.error());
  if (name->unlinked) return negative(Errno::kNOENT);
  constexpr std::string_view kOutside = "(unreachable)";
  const usize prefix = name->reachable ? 0 : kOutside.size();
  const usize length = prefix + name->text.size() + 1; // with the NUL, which lies behind the text
  if (length > size) return negative(Errno::kRANGE);
  if (const auto copied = copy_to_user(to, kOutside.data(), prefix); !copied) return negative(copied.error());
  const auto copied = copy_to_user(to + prefix, name->text.data(), name->text.size() + 1);
  return copied ? static_cast<i64>(length) : negative(copied.error());
}

i64 sys_umask(u32 mask) { return my_paths().umask.exchange(mask & 0777, std::memory_order_relaxed); }

} // namespace runnel::user
