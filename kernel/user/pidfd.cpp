// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/pidfd.hpp"

#include "kernel/fs/stat.hpp"
#include "kernel/user/file/file_table.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/uaccess.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

ProcessState state_of(const Process& process) {
  const SpinGuard guard(tree_lock);
  return process.state;
}

/// A number for each process that was ever asked about; never used again.
u64 inode_of(Process& process) {
  const IrqSpinGuard guard(process.lock);
  if (process.pidfd_inode == 0) process.pidfd_inode = fs::next_anonymous_inode();
  return process.pidfd_inode;
}

/// struct pidfd_info.
struct PidInfo {
  u64 mask = 0, cgroup = 0;
  u32 pid = 0, tgid = 0, ppid = 0;
  u32 ruid = 0, rgid = 0, euid = 0, egid = 0, suid = 0, sgid = 0, fsuid = 0, fsgid = 0;
  i32 exit_code = 0;
  u32 coredump_mask = 0, coredump_signal = 0, coredump_code = 0, pad = 0;
  u64 supported = 0;
};
static_assert(sizeof(PidInfo) == 88);
enum : u64 { kInfoPid = 1, kInfoCreds = 2, kInfoCgroup = 4, kInfoExit = 8, kInfoSupported = 0x20 };

using ThreadFiles = List<PidFile, &PidFile::of_threads>;
constinit ThreadFiles thread_files GUARDED_BY(tree_lock);

} // namespace

Result<i64> PidFile::give_info(u64 at, u32 size) const {
  const Process& process = *process_;
  if (at == 0) return err(Errno::kINVAL);
  const auto wanted = read_user<u64>(at);
  if (!wanted) return err(wanted.error());
  PidInfo info;
  {
    const SpinGuard guard(tree_lock);
    if (is_of_thread() ? thread_ == nullptr : process.state == ProcessState::kReaped) {
      if ((*wanted & kInfoExit) == 0) return err(Errno::kSRCH);
      info.mask = kInfoExit | kInfoCgroup;
      info.exit_code = is_of_thread() ? exit_status_ : process.exit_status;
    } else {
      info.mask = kInfoPid | kInfoCreds | kInfoCgroup;
      info.pid = number();
      info.tgid = process.pid;
      info.ppid = process.parent == nullptr ? 0 : process.parent->pid;
      const Credentials& who = process.credentials;
      info.ruid = who.uid, info.euid = who.euid, info.suid = who.suid, info.fsuid = who.fsuid;
      info.rgid = who.gid, info.egid = who.egid, info.sgid = who.sgid, info.fsgid = who.fsgid;
    }
    info.cgroup = 1; // the root
  }
  if ((*wanted & kInfoSupported) != 0) {
    info.mask |= kInfoSupported;
    info.supported = kInfoPid | kInfoCreds | kInfoCgroup | kInfoExit | kInfoSupported;
  }
  const usize known = std::min<usize>(size, sizeof info);
  RUNNEL_TRY(copy_to_user(at, &info, known));
  if (size > known) RUNNEL_TRY(clear_user(at + known, size - known));
  return 0;
}

PidFile::PidFile(ProcessRef process, Scope scope, u32 flags)
    : File(fs::kReadWrite | flags), process_(std::move(process)), scope_(scope) {
  if (scope == Scope::kThread) add_flags(fs::kExclusive); // PIDFD_THREAD
}

PidFile::~PidFile() {
  if (is_of_thread()) {
    const SpinGuard guard(tree_lock);
    if (of_threads.is_linked()) ThreadFiles::erase(*this);
  }
  // Kernel-privileged, and of no effect on one that has ended (AK6, AK8).
  if (kills_) static_cast<void>(send_signal(*process_, SigInfo::from_kernel(kSigKill)));
}

Result<fs::FilePtr> PidFile::create(Process& process, Scope scope, u32 flags) {
  get_process(process);
  return fs::make_file<PidFile>(ProcessRef(&process), scope, flags);
}

Result<fs::FilePtr> PidFile::create(Thread& thread, u32 flags) {
  get_process(*thread.process);
  auto made = fs::make_file<PidFile>(ProcessRef(thread.process), Scope::kThread, flags);
  if (!made) return made;
  auto& file = static_cast<PidFile&>(**made);
  file.tid_ = thread.tid();
  file.thread_ = &thread;
  for (const PidFile& other : thread_files)
    if (other.thread_ == &thread) file.inode_ = other.inode_;
  if (file.inode_ == 0) file.inode_ = fs::next_anonymous_inode();
  thread_files.push_back(file);
  return made;
}

void tell_thread_files(Thread& thread, i32 status) {
  for (PidFile& file : thread_files) {
    if (file.thread_ != &thread) continue;
    file.thread_ = nullptr;
    file.exit_status_ = status;
    file.watchers_.wake(fs::kPollReadable | fs::kPollHup);
  }
}

bool PidFile::is_thread_gone() const {
  if (!is_of_thread()) return false;
  const SpinGuard guard(tree_lock);
  return thread_ == nullptr;
}

u32 PidFile::poll(fs::PollTable* table) {
  if (is_of_thread()) {
    if (table != nullptr) table->watch(watchers_);
    return is_thread_gone() ? fs::kPollReadable | fs::kPollHup : 0;
  }
  if (table != nullptr) table->watch(process_->death_watchers);
  switch (state_of(*process_)) {
  case ProcessState::kAlive:
    break;
  case ProcessState::kZombie:
    return fs::kPollReadable;
  case ProcessState::kReaped:
    return fs::kPollReadable | fs::kPollHup;
  }
  return 0;
}

Result<i64> PidFile::ioctl(u32 command, u64 argument) {
  constexpr u32 kMagic = 0xff, kGetInfo = 11, kLeast = 64, kReadAndWrite = 3;
  const u32 size = command >> 16 & 0x3fff;
  if ((command & 0xff) != kGetInfo || (command >> 8 & 0xff) != kMagic || command >> 30 != kReadAndWrite ||
      size < kLeast)
    return err(Errno::kNOTTY);
  return give_info(argument, size);
}

void PidFile::stat(fs::Stat& to) const {
  constexpr u32 kFileSystem = 15;
  to.device = kFileSystem;
  to.inode = is_of_thread() ? inode_ : inode_of(*process_);
  to.mode = 0700;
}

void PidFile::fdinfo(Sink& sink) const {
  const bool gone = is_of_thread() ? is_thread_gone() : state_of(*process_) == ProcessState::kReaped;
  const i64 pid = gone ? i64{-1} : i64{number()};
  format_to(sink, "Pid:\t{}\nNSpid:\t{}\n", pid, pid);
}

Result<fs::FilePtr> find_pidfd(i32 fd) {
  auto file = current_process().files->find(fd);
  if (file && PidFile::from(**file) == nullptr) return err(Errno::kBADF);
  return file;
}

} // namespace runnel::user
