// SPDX-License-Identifier: Apache-2.0
// pidfd: a descriptor that means a process, this one and no later one of its number (spec clone_ns 7).
#pragma once

#include "kernel/fs/file.hpp"
#include "kernel/user/tree.hpp"

namespace runnel::user {

class PidFile final : public fs::File {
 public:
  /// `flags`: O_NONBLOCK. Takes a reference to the process. kNOMEM.
  static Result<fs::FilePtr> create(Process& process, u32 flags);
  /// The process, which runs by now, is killed when the last reference goes (CLONE_PIDFD_AUTOKILL).
  void kill_at_end() { kills_ = true; }
  /// nullptr: `file` is another kind of file.
  static PidFile* from(fs::File& file) {
    return file.kind() == fs::FileKind::kPid ? static_cast<PidFile*>(&file) : nullptr;
  }

  Process& process() const { return *process_; }
  fs::FileKind kind() const override { return fs::FileKind::kPid; }
  u32 poll(fs::PollTable* table) override;
  Result<i64> ioctl(u32 command, u64 argument) override;
  void stat(fs::Stat& to) const override;
  void describe(Sink& sink) const override { sink.write("anon_inode:[pidfd]"); }
  void fdinfo(Sink& sink) const override;

  PidFile(ProcessRef process, u32 flags) : File(fs::kReadWrite | flags), process_(std::move(process)) {}

 protected:
  ~PidFile() override;
  Result<usize> do_read(fs::IoBuffer&, u64&) override { return err(Errno::kINVAL); }
  Result<usize> do_write(fs::IoBuffer&, u64&) override { return err(Errno::kINVAL); }

 private:
  ProcessRef process_;
  bool kills_ = false;
};

/// The process a descriptor of the caller's means. kBADF: it means none.
Result<ProcessRef> process_of(i32 fd);

} // namespace runnel::user
