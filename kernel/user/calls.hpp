// SPDX-License-Identifier: Apache-2.0
// Every system call's implementation, by subject; calls/SUBJECT.cpp has them. The parameters are Linux's,
// user pointers as u64. Result or negative errno.
#pragma once

#include <arch/user.hpp>

namespace runnel::user {

// descriptors.cpp
i64 sys_openat(i32, u64 path, u32 flags, u32);
i64 sys_open(u64 path, u32 flags, u32 mode);
i64 sys_close(i32 fd);
i64 sys_close_range(u32 first, u32 last, u32 flags);
i64 sys_dup(i32 fd);
i64 sys_dup3(i32 from, i32 to, u32 flags);
i64 sys_dup2(i32 from, i32 to);
i64 sys_fcntl(i32 fd, u32 command, u64 argument);
i64 sys_fstat(i32 fd, u64 to);
i64 sys_newfstatat(i32 folder, u64 path, u64 to, u32 flags);
i64 sys_stat(u64 path, u64 to);
i64 sys_lstat(u64 path, u64 to);
i64 sys_readlinkat(i32, u64 path, u64 to, i32 size);
i64 sys_readlink(u64 path, u64 to, i32 size);
i64 sys_faccessat(i32, u64 path, u32 mode);
i64 sys_access(u64 path, u32 mode);

// io.cpp
i64 sys_read(i32 fd, u64 to, u64 size);
i64 sys_write(i32 fd, u64 from, u64 size);
i64 sys_pread64(i32 fd, u64 to, u64 size, i64 at);
i64 sys_pwrite64(i32 fd, u64 from, u64 size, i64 at);
i64 sys_readv(i32 fd, u64 ranges, u64 count);
i64 sys_writev(i32 fd, u64 ranges, u64 count);
i64 sys_lseek(i32 fd, i64 offset, u32 whence);
i64 sys_ioctl(i32 fd, u32 request, u64 argument);

// memory.cpp
i64 sys_brk(u64 address);
i64 sys_mmap(u64 address, u64 length, u64 prot, u64 flags, i32 fd, u64 offset);
i64 sys_munmap(u64 address, u64 length);
i64 sys_mprotect(u64 address, u64 length, u64 prot);
i64 sys_mremap(u64 old_address, u64 old_length, u64 new_length, u64 flags, u64 new_address);
i64 sys_madvise(u64 address, u64 length, i32 advice);
i64 sys_msync(u64 address, u64 length, i32 flags);
i64 sys_mincore(u64 address, u64 length, u64 to);
i64 sys_mlock(u64, u64);
i64 sys_mlock2(u64, u64, u32 flags);
i64 sys_munlock(u64, u64);
i64 sys_mlockall(u32 flags);
i64 sys_munlockall();

// clone.cpp, wait.cpp, ids.cpp
i64 sys_clone(arch::UserRegs& regs, u64 flags, u64 stack, u64 parent_tid, u64 fourth, u64 fifth);
i64 sys_clone3(arch::UserRegs& regs, u64 from, u64 size);
i64 sys_fork(arch::UserRegs& regs);
i64 sys_vfork(arch::UserRegs& regs);
i64 sys_wait4(i32 pid, u64 status, u32 options, u64 rusage);
i64 sys_waitid(i32 what, i32 id, u64 info, u32 options, u64 rusage);
// pidfd.cpp
i64 sys_pidfd_open(i32 pid, u32 flags);
i64 sys_pidfd_send_signal(i32 fd, i32 sig, u64 from, u32 flags);
i64 sys_pidfd_getfd(i32 fd, i32 number, u32 flags);

i64 sys_setpgid(i32 pid, i32 pgid);
i64 sys_getpgid(i32 pid);
i64 sys_getpgrp();
i64 sys_getsid(i32 pid);
i64 sys_setsid();

// signal/calls.cpp, signal/kill.cpp
i64 sys_rt_sigaction(i32 sig, u64 action, u64 old, u64 size);
i64 sys_rt_sigprocmask(i32 how, u64 set, u64 old, u64 size);
i64 sys_rt_sigpending(u64 set, u64 size);
i64 sys_rt_sigsuspend(u64 set, u64 size);
i64 sys_rt_sigtimedwait(u64 set, u64 info, u64 timeout, u64 size);
i64 sys_rt_sigreturn(arch::UserRegs& regs);
i64 sys_sigaltstack(arch::UserRegs& regs, u64 stack, u64 old);
i64 sys_pause();
i64 sys_restart_syscall();
i64 sys_kill(i32 pid, i32 sig);
i64 sys_tkill(i32 tid, i32 sig);
i64 sys_tgkill(i32 tgid, i32 tid, i32 sig);
i64 sys_rt_sigqueueinfo(i32 pid, i32 sig, u64 info);
i64 sys_rt_tgsigqueueinfo(i32 tgid, i32 tid, i32 sig, u64 info);

// process.cpp
i64 sys_exit(i32 code);
i64 sys_exit_group(i32 code);
i64 sys_getpid();
i64 sys_gettid();
i64 sys_getppid();
i64 sys_getuid();
i64 sys_geteuid();
i64 sys_getgid();
i64 sys_getegid();
i64 sys_set_tid_address(u64 address);
i64 sys_set_robust_list(u64 head, u64 size);
i64 sys_prlimit64(u32 pid, u32 resource, u64 to_set, u64 to_old);
i64 sys_getrlimit(u32 resource, u64 to);
i64 sys_setrlimit(u32 resource, u64 from);
i64 sys_execve(u64 path, u64 argv, u64 envp);

// rseq/registration.cpp, rseq/slice.cpp
i64 sys_rseq(u64 area, u32 length, u32 flags, u32 signature);
i64 sys_rseq_slice_yield();

// futex/
i64 sys_futex(u64 address, u32 op, u32 value, u64 timeout, u64 second, u32 third);
i64 sys_futex_waitv(u64 words, u32 count, u32 flags, u64 timeout, i32 clock);
i64 sys_get_robust_list(u32 tid, u64 to_head, u64 to_size);

// system.cpp
i64 sys_uname(u64 to);
i64 sys_getrandom(u64 to, u64 size, u32 flags);
i64 sys_sched_yield();
i64 sys_getcpu(u64 cpu, u64 node);
i64 sys_arch_prctl(u64 code, u64 argument);

// scheduling.cpp
i64 sys_sched_setattr(i32 pid, u64 from, u32 flags);
i64 sys_sched_getattr(i32 pid, u64 to, u32 size, u32 flags);
i64 sys_sched_setscheduler(i32 pid, i32 policy, u64 param);
i64 sys_sched_getscheduler(i32 pid);
i64 sys_sched_setparam(i32 pid, u64 param);
i64 sys_sched_getparam(i32 pid, u64 to);
i64 sys_sched_get_priority_max(u32 policy);
i64 sys_sched_get_priority_min(u32 policy);
i64 sys_sched_rr_get_interval(i32 pid, u64 to);

// priority.cpp
i64 sys_getpriority(i32 which, u32 who);
i64 sys_setpriority(i32 which, u32 who, i32 nice);

// affinity.cpp
i64 sys_sched_setaffinity(u32 pid, u32 size, u64 from);
i64 sys_sched_getaffinity(u32 pid, u32 size, u64 to);

// credentials.cpp
i64 sys_setuid(u32 id);
i64 sys_setgid(u32 id);
i64 sys_setreuid(u32 real, u32 effective);
i64 sys_setregid(u32 real, u32 effective);
i64 sys_setresuid(u32 real, u32 effective, u32 saved);
i64 sys_setresgid(u32 real, u32 effective, u32 saved);
i64 sys_getresuid(u64 real, u64 effective, u64 saved);
i64 sys_getresgid(u64 real, u64 effective, u64 saved);
i64 sys_setfsuid(u32 id);
i64 sys_setfsgid(u32 id);
i64 sys_getgroups(i32 size, u64 to);
i64 sys_setgroups(u32 size, u64 from);

// controls.cpp
i64 sys_prctl(i32 option, u64 a, u64 b, u64 c, u64 d);
i64 sys_personality(u32 wanted);

// membarrier.cpp
i64 sys_membarrier(u32 command, u32 flags, i32 cpu);

// sleep.cpp
i64 sys_nanosleep(u64 from, u64 remainder_to);
i64 sys_clock_nanosleep(i32 clock, u32 flags, u64 from, u64 remainder_to);

// timers.cpp
i64 sys_timer_create(i32 clock, u64 event, u64 id_to);
i64 sys_timer_settime(i32 id, u32 flags, u64 from, u64 old_to);
i64 sys_timer_gettime(i32 id, u64 to);
i64 sys_timer_getoverrun(i32 id);
i64 sys_timer_delete(i32 id);
i64 sys_setitimer(i32 which, u64 from, u64 old_to);
i64 sys_getitimer(i32 which, u64 to);
i64 sys_alarm(u32 seconds);

// usage.cpp
i64 sys_getrusage(i32 who, u64 to);
i64 sys_times(u64 to);
i64 sys_sysinfo(u64 to);

// time.cpp
i64 sys_clock_gettime(i32 clock, u64 to);
i64 sys_clock_getres(i32 clock, u64 to);
i64 sys_gettimeofday(u64 to, u64 zone);
i64 sys_time(u64 to);

} // namespace runnel::user
