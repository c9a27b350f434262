// SPDX-License-Identifier: Apache-2.0
// The system calls on files; kernel/user/calls/ has them.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::user {

// io.cpp
i64 sys_preadv(i32 fd, u64 ranges, u64 count, i64 at, u64 high);
i64 sys_pwritev(i32 fd, u64 ranges, u64 count, i64 at, u64 high);
i64 sys_preadv2(i32 fd, u64 ranges, u64 count, i64 at, u64 high, u32 flags);
i64 sys_pwritev2(i32 fd, u64 ranges, u64 count, i64 at, u64 high, u32 flags);
i64 sys_sendfile(i32 to, i32 from, u64 at, u64 size);
i64 sys_fsync(i32 fd);
i64 sys_sync();
i64 sys_syncfs(i32 fd);
i64 sys_fadvise64(i32 fd, i64 at, i64 size, i32 advice);

// locks.cpp
i64 sys_flock(i32 fd, u32 operation);

// descriptors.cpp
i64 sys_memfd_create(u64 name, u32 flags);

// paths.cpp
i64 sys_creat(u64 path, u32 mode);
i64 sys_mkdirat(i32 dir, u64 path, u32 mode);
i64 sys_mkdir(u64 path, u32 mode);
i64 sys_mknodat(i32 dir, u64 path, u32 mode, u64 rdev);
i64 sys_mknod(u64 path, u32 mode, u64 rdev);
i64 sys_unlinkat(i32 dir, u64 path, u32 flags);
i64 sys_unlink(u64 path);
i64 sys_rmdir(u64 path);
i64 sys_renameat2(i32 from_dir, u64 from, i32 to_dir, u64 to, u32 flags);
i64 sys_renameat(i32 from_dir, u64 from, i32 to_dir, u64 to);
i64 sys_rename(u64 from, u64 to);
i64 sys_symlinkat(u64 target, i32 dir, u64 path);
i64 sys_symlink(u64 target, u64 path);
i64 sys_linkat(i32 from_dir, u64 from, i32 to_dir, u64 to, u32 flags);
i64 sys_link(u64 from, u64 to);
i64 sys_faccessat2(i32 dir, u64 path, u32 mode, u32 flags);
i64 sys_truncate(u64 path, i64 size);
i64 sys_ftruncate(i32 fd, i64 size);
i64 sys_chdir(u64 path);
i64 sys_fchdir(i32 fd);
i64 sys_chroot(u64 path);
i64 sys_getcwd(u64 to, u64 size);
i64 sys_umask(u32 mask);

// attributes.cpp
i64 sys_statx(i32 dir, u64 path, u32 flags, u32 mask, u64 to);
i64 sys_getdents64(i32 fd, u64 to, u32 size);
i64 sys_statfs(u64 path, u64 to);
i64 sys_fstatfs(i32 fd, u64 to);
i64 sys_fchmod(i32 fd, u32 mode);
i64 sys_fchmodat(i32 dir, u64 path, u32 mode);
i64 sys_chmod(u64 path, u32 mode);
i64 sys_fchown(i32 fd, u32 uid, u32 gid);
i64 sys_fchownat(i32 dir, u64 path, u32 uid, u32 gid, u32 flags);
i64 sys_chown(u64 path, u32 uid, u32 gid);
i64 sys_lchown(u64 path, u32 uid, u32 gid);
i64 sys_utimensat(i32 dir, u64 path, u64 times, u32 flags);

// events.cpp
i64 sys_pipe2(u64 to, u32 flags);
i64 sys_pipe(u64 to);
i64 sys_eventfd2(u32 initial, u32 flags);
i64 sys_eventfd(u32 initial);
i64 sys_poll(u64 list, u32 count, i32 timeout);
i64 sys_ppoll(u64 list, u32 count, u64 timeout, u64 mask, u64 mask_size);
i64 sys_select(i32 count, u64 in, u64 out, u64 except, u64 timeout);
i64 sys_pselect6(i32 count, u64 in, u64 out, u64 except, u64 timeout, u64 mask);
i64 sys_epoll_create1(u32 flags);
i64 sys_epoll_create(i32 size);
i64 sys_epoll_ctl(i32 set, u32 operation, i32 fd, u64 event);
i64 sys_epoll_wait(i32 set, u64 to, i32 most, i32 timeout);
i64 sys_epoll_pwait(i32 set, u64 to, i32 most, i32 timeout, u64 mask, u64 mask_size);
i64 sys_epoll_pwait2(i32 set, u64 to, i32 most, u64 timeout, u64 mask, u64 mask_size);
i64 sys_timerfd_create(i32 clock, u32 flags);
i64 sys_timerfd_settime(i32 fd, u32 flags, u64 from, u64 to_old);
i64 sys_timerfd_gettime(i32 fd, u64 to);

// signalfd.cpp
i64 sys_signalfd4(i32 fd, u64 mask, u64 size, u32 flags);
i64 sys_signalfd(i32 fd, u64 mask, u64 size);

// sockets.cpp
i64 sys_socket(i32 domain, i32 type, i32 protocol);
i64 sys_socketpair(i32 domain, u32 type, i32 protocol, u64 to);
i64 sys_sendto(i32 fd, u64 from, u64 size, u32 flags, u64 address, u32 address_size);
i64 sys_recvfrom(i32 fd, u64 to, u64 size, u32 flags, u64 address, u64 address_size);
i64 sys_sendmsg(i32 fd, u64 message, u32 flags);
i64 sys_recvmsg(i32 fd, u64 message, u32 flags);
i64 sys_shutdown(i32 fd, u32 how);
i64 sys_getsockopt(i32 fd, i32 level, i32 name, u64 to, u64 size_at);
i64 sys_setsockopt(i32 fd, i32 level, i32 name, u64 from, u32 size);

} // namespace runnel::user
