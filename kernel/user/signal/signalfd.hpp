// SPDX-License-Identifier: Apache-2.0
// signalfd: signals that a thread would take, or has blocked, are read from a descriptor. They are always the
// reader's own and its process's, whoever made the descriptor.
#pragma once

#include "kernel/fs/file.hpp"
#include "kernel/user/process.hpp"

namespace runnel::user {

class SignalFile final : public fs::File {
 public:
  /// `flags`: kNonBlock. kNOMEM.
  static Result<fs::FilePtr> create(SigSet mask, u32 flags);
  /// nullptr: `file` is another kind of file.
  static SignalFile* from(fs::File& file) {
    return file.kind() == fs::FileKind::kSignal ? static_cast<SignalFile*>(&file) : nullptr;
  }

  void set_mask(SigSet mask);
  fs::FileKind kind() const override { return fs::FileKind::kSignal; }
  u32 poll(fs::PollTable* table) override;
  void stat(fs::Stat& to) const override;
  void describe(Sink& sink) const override { sink.write("anon_inode:[signalfd]"); }
  void fdinfo(Sink& sink) const override;

  SignalFile(SigSet mask, u32 flags);

 protected:
  ~SignalFile() override;
  Result<usize> do_read(fs::IoBuffer& to, u64&) override;
  Result<usize> do_write(fs::IoBuffer&, u64&) override { return err(Errno::kINVAL); }

 private:
  SigSet mask() const { return {mask_.load(std::memory_order_relaxed)}; }
  bool take(SigInfo& to);

  std::atomic<u64> mask_;
  const u64 inode_ = fs::next_anonymous_inode();
};

/// A signal of the process, or of a thread of it, is pending. Its lock held.
void tell_signal_files(Process& process);

} // namespace runnel::user
