// SPDX-License-Identifier: Apache-2.0
// pidfd: a descriptor that means a process, or one thread, this one and no later one of its number (spec
// clone_ns 7).
#pragma once

#include "kernel/fs/file.hpp"
#include "kernel/user/tree.hpp"

namespace runnel::user {

class PidFile final : public fs::File {
 public:
  /// What it means. The first thread stands for its process: it ends when that does, its number is the
  /// process's. kThread makes a difference only to which of them a signal goes to.
  enum class Scope : u8 { kProcess, kThread };
  /// `flags`: O_NONBLOCK. Takes a reference to the process. kNOMEM.
  static Result<fs::FilePtr> create(Process& process, Scope scope, u32 flags);
  /// Of a thread that is not the first, or is not started yet. kNOMEM.
  static Result<fs::FilePtr> create(Thread& thread, u32 flags) REQUIRES(tree_lock);
  /// The process, which runs by now, is killed when the last reference goes (CLONE_PIDFD_AUTOKILL).
  void kill_at_end() { kills_ = true; }
  /// nullptr: `file` is another kind of file.
  static PidFile* from(fs::File& file) {
    return file.kind() == fs::FileKind::kPid ? static_cast<PidFile*>(&file) : nullptr;
  }

  Process& process() const { return *process_; }
  Scope scope() const { return scope_; }
  /// It means a thread that is not its process's first.
  bool is_of_thread() const { return tid_ != 0; }
  /// ... and that has ended.
  bool is_thread_gone() const EXCLUDES(tree_lock);
  /// The number of what it means.
  u32 number() const { return tid_ != 0 ? tid_ : process_->pid; }
  /// The thread, if it is still there.
  Thread* thread() const REQUIRES(tree_lock) { return thread_; }
  fs::FileKind kind() const override { return fs::FileKind::kPid; }
  u32 poll(fs::PollTable* table) override;
  Result<i64> ioctl(u32 command, u64 argument) override;
  void stat(fs::Stat& to) const override;
  void describe(Sink& sink) const override { sink.write("anon_inode:[pidfd]"); }
  void fdinfo(Sink& sink) const override;

  PidFile(ProcessRef process, Scope scope, u32 flags);

 protected:
  ~PidFile() override;
  Result<usize> do_read(fs::IoBuffer&, u64&) override { return err(Errno::kINVAL); }
  Result<usize> do_write(fs::IoBuffer&, u64&) override { return err(Errno::kINVAL); }

 private:
  friend void tell_thread_files(Thread& thread, i32 status);
  Result<i64> give_info(u64 at, u32 size) const;

  ProcessRef process_;
  const Scope scope_;
  bool kills_ = false;

  // Of a thread that is not the first:
  u32 tid_ = 0;
  Thread* thread_ = nullptr; // tree_lock, as all below
  i32 exit_status_ = 0;
  u64 inode_ = 0;
  fs::PollQueue watchers_;

 public:
  ListNode of_threads;
};

/// A thread that is not its process's first ends, with this wait status, or takes another number.
void tell_thread_files(Thread& thread, i32 status) REQUIRES(tree_lock);

/// The file of a descriptor of the caller's. kBADF: it means neither a process nor a thread.
Result<fs::FilePtr> find_pidfd(i32 fd);

} // namespace runnel::user
