// SPDX-License-Identifier: Apache-2.0
// A process: what the threads of one program share, and what is left of it for its parent.
#pragma once

#include "kernel/fs/poll.hpp"
#include "kernel/lib/list.hpp"
#include "kernel/sync/completion.hpp"
#include "kernel/sync/mutex.hpp"
#include "kernel/sync/wait_queue.hpp"
#include "kernel/user/thread.hpp"

#include <span>
#include <string_view>

namespace runnel::fs {
class FsContext;
}

namespace runnel::user {

struct Executable; // exec.hpp
class FileTable;
struct MmLimits;
struct ProcessTimers;

struct Limit {
  static constexpr u64 kInfinity = ~u64{0};
  u64 soft = kInfinity;
  u64 hard = kInfinity;
};
inline constexpr u32 kNrLimits = 16;
enum : u32 { // RLIMIT_..., the same on both architectures
  kLimitCpu = 0,
  kLimitFileSize = 1,
  kLimitData = 2,
  kLimitStack = 3,
  kLimitCore = 4,
  kLimitResident = 5,
  kLimitProcesses = 6,
  kLimitFiles = 7,
  kLimitMemoryLock = 8,
  kLimitAddressSpace = 9,
  kLimitLocks = 10,
  kLimitSignals = 11,
  kLimitMessages = 12,
  kLimitNice = 13,
  kLimitRealTime = 14,
  kLimitRealTimeRun = 15,
};

struct Credentials {
  u32 uid = 0, euid = 0, suid = 0, fsuid = 0;
  u32 gid = 0, egid = 0, sgid = 0, fsgid = 0;
  u32 nr_groups = 0;
  u32 groups[32] = {}; // supplementary
};

/// Switches of prctl that the threads of a process share.
struct ProcessControls {
  std::atomic<u32> dumpable{1};
  std::atomic<u32> keep_capabilities{0}; // cleared by exec
};

/// Alive until its last thread is gone, then a zombie until its parent has waited for it.
enum class ProcessState : u8 { kAlive, kZombie, kReaped };

struct Process {
  std::atomic<u32> refs{
      1};      // every thread, the parent's (or creator's) until it is reaped, /proc and pidfd readers
  u32 pid = 0; // the first thread's tid
  SpinLock lock{LockRank::kProcess}; // interrupts off: timers send signals

  // tree_lock (tree.hpp)
  Process* parent = nullptr; // nullptr: never in the tree, or reaped
  ListNode sibling;
  List<Process, &Process::sibling> children;
  ListNode by_pid;
  u32 pgid = 0;
  u32 sid = 0;
  ProcessState state = ProcessState::kAlive;
  i32 exit_signal = kSigChld; // what its parent is sent at its end
  bool is_subreaper = false;  // adopts the orphans below it
  bool has_execed = false;
  bool autoreap = false; // nobody waits for it (CLONE_AUTOREAP)
  bool no_new_privs = false;
  CpuTimes children_times; // of children that were waited for

  sync::WaitQueue child_events; // a child ended, stopped or went on
  fs::PollQueue death_watchers; // it ended itself, or was waited for (pidfds)
  u64 pidfd_inode GUARDED_BY(lock) = 0;
  /// A vfork's parent, which sleeps until the memory it shares is free; the child's last look at it is under
  /// Process::lock.
  Task* vfork_parent GUARDED_BY(lock) = nullptr;
  std::atomic<bool> vfork_done{false};

  Thread* exec_thread GUARDED_BY(lock) = nullptr; // waits for the others to end
  sync::WaitQueue thread_ended;                   // for it

  Sighand* sighand = nullptr; // own reference
  ProcessSignals signals;     // lock

  List<Thread, &Thread::in_process> threads GUARDED_BY(lock);
  u32 nr_threads GUARDED_BY(lock) = 0;
  bool exiting GUARDED_BY(lock) = false; // exit_process has begun: exit_status is set, no new threads
  i32 exit_status = 0;                   // wait status; final when `exited` is complete
  sync::Completion exited;               // all threads are gone, mm and files are released

  Mm* mm = nullptr;               // own reference; changed by exec only (single-threaded)
  FileTable* files = nullptr;     // own reference
  fs::FsContext* paths = nullptr; // root, current directory, umask; own reference
  Credentials credentials;
  ProcessControls controls;
  std::atomic<ProcessTimers*> timers{nullptr}; // kernel/user/timers; nullptr: it has never had one
  ProcessCpu cpu;
  Limit limits[kNrLimits];
  Executable* executable GUARDED_BY(lock) = nullptr; // own reference, given up outside of the lock
  char comm[16] = {};                                // of the program; threads have their own
};

inline void get_process(Process& process) { process.refs.fetch_add(1, std::memory_order_relaxed); }
/// The last one frees it.
void put_process(Process& process);

/// A process with console descriptors 0..2, but no address space, no threads and no parent. The caller holds
/// the reference. kNOMEM.
Result<Process*> create_process();

/// Runs the program `path` of the initrd with these arguments and environment in a new process; the caller
/// holds a reference: waits for `exited`, reads exit_status, then put_process. kNOENT, kNOEXEC, kNOMEM, ...
/// as exec.
Result<Process*> spawn(std::string_view path, std::span<const std::string_view> argv,
                       std::span<const std::string_view> envp);

/// Ends all its threads soon (a fatal signal from outside). `status` is a wait status; without effect on a
/// process that ends already.
void kill_process(Process& process, i32 status);

/// Its limits as its address space obeys them.
MmLimits mm_limits(const Process& process);
/// Tells its address space of limits[] that were changed.
void limits_changed(Process& process);

} // namespace runnel::user
