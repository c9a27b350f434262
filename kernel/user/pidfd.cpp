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

Result<i64> give_info(Process& process, u64 at, u32 size) {
  if (at == 0) return err(Errno::kINVAL);
  const auto wanted = read_user<u64>(at);
  if (!wanted) return err(wanted.error());
  PidInfo info;
  {
    const SpinGuard guard(tree_lock);
    if (process.state == ProcessState::kReaped) {
      if ((*wanted & kInfoExit) == 0) return err(Errno::kSRCH);
      info.mask = kInfoExit | kInfoCgroup;
      info.exit_code = process.exit_status;
    } else {
      info.mask = kInfoPid | kInfoCreds | kInfoCgroup;
      info.pid = info.tgid = process.pid;
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

} // namespace

PidFile::~PidFile() {
  // Kernel-privileged, and of no effect on one that has ended (AK6, AK8).
  if (kills_) static_cast<void>(send_signal(*process_, SigInfo::from_kernel(kSigKill)));
}

Result<fs::FilePtr> PidFile::create(Process& process, u32 flags) {
  get_process(process);
  return fs::make_file<PidFile>(ProcessRef(&process), flags);
}

u32 PidFile::poll(fs::PollTable* table) {
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
  return give_info(*process_, argument, size);
}

void PidFile::stat(fs::Stat& to) const {
  constexpr u32 kFileSystem = 15;
  to.device = kFileSystem;
  to.inode = inode_of(*process_);
  to.mode = 0700;
}

void PidFile::fdinfo(Sink& sink) const {
  const i64 pid = state_of(*process_) == ProcessState::kReaped ? i64{-1} : i64{process_->pid};
  format_to(sink, "Pid:\t{}\nNSpid:\t{}\n", pid, pid);
}

Result<ProcessRef> process_of(i32 fd) {
  const auto file = current_process().files->find(fd);
  if (!file) return err(file.error());
  const PidFile* const pidfd = PidFile::from(**file);
  if (pidfd == nullptr) return err(Errno::kBADF);
  get_process(pidfd->process());
  return ProcessRef(&pidfd->process());
}

} // namespace runnel::user
