// SPDX-License-Identifier: Apache-2.0
// A process: what the threads of one program share, and what is left of it for its parent.
#pragma once

#include "kernel/lib/list.hpp"
#include "kernel/sync/completion.hpp"
#include "kernel/sync/mutex.hpp"
#include "kernel/user/thread.hpp"

#include <span>
#include <string_view>

namespace runnel::fs {
class FsContext;
}

namespace runnel::user {

class FileTable;
struct MmLimits;

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
  std::atomic<u32> is_subreaper{0};      // orphans among its descendants become its children
};

/// Signals: sent to a process that faults before there are handlers.
enum Signal : i32 {
  kSigIll = 4,
  kSigTrap = 5,
  kSigAbrt = 6,
  kSigBus = 7,
  kSigFpe = 8,
  kSigKill = 9,
  kSigSegv = 11,
};

struct Process {
  std::atomic<u32> refs{
      1};      // every thread, the parent's (or creator's) until it is reaped, /proc and pidfd readers
  u32 pid = 0; // the first thread's tid
  Process* parent = nullptr;

  SpinLock lock{LockRank::kProcess};
  List<Thread, &Thread::in_process> threads GUARDED_BY(lock);
  u32 nr_threads GUARDED_BY(lock) = 0;
  bool exiting GUARDED_BY(lock) = false;  // exit_process has begun: exit_status is set, no new threads
  i32 exit_status = 0;                    // wait status; final when `exited` is complete
  u64 ended_runtime GUARDED_BY(lock) = 0; // ns of CPU its ended threads used
  sync::Completion exited;                // all threads are gone, mm and files are released

  Mm* mm = nullptr;               // own reference; changed by exec only (single-threaded)
  FileTable* files = nullptr;     // own reference
  fs::FsContext* paths = nullptr; // root, current directory, umask; own reference
  Credentials credentials;
  ProcessControls controls;
  Limit limits[kNrLimits];
  char executable[256] = {}; // /proc/self/exe
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
