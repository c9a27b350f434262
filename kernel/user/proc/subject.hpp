// SPDX-License-Identifier: Apache-2.0
// The process, and thread, that a directory of /proc is about.
#pragma once

#include "kernel/fs/pseudo.hpp"
#include "kernel/user/file/file_table.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/proc/source.hpp"

namespace runnel::user {

/// Holds a reference to the process; everything else may go at any time.
class Subject {
 public:
  Subject() = default;
  /// Takes a reference over. `tid` 0: the process as a whole.
  Subject(Process* adopted, u32 tid) : process_(adopted), tid_(tid) {}
  Subject(const Subject& other) : process_(other.process_), tid_(other.tid_) {
    if (process_ != nullptr) get_process(*process_);
  }
  Subject& operator=(const Subject&) = delete;
  ~Subject() {
    if (process_ != nullptr) put_process(*process_);
  }

  Process& process() const { return *process_; }
  u32 pid() const { return process_->pid; }
  u32 tid() const { return tid_ != 0 ? tid_ : process_->pid; }
  bool is_thread() const { return tid_ != 0; }
  Subject thread(u32 tid) const {
    get_process(*process_);
    return {process_, tid};
  }

  /// Its task with a reference (put_task); nullptr: it has ended.
  Task* task() const;
  /// The lowest thread number above `after`; 0: none.
  u32 next_thread(u32 after) const;
  u32 nr_threads() const;
  /// A use of its address space (Mm::put) / a reference to its descriptors, to its root and current directory
  /// (FsContext::put_ref); nullptr: it is ending.
  Mm* mm() const;
  FileTable* files() const;
  fs::FsContext* paths() const;

 private:
  Process* process_ = nullptr;
  u32 tid_ = 0;
};

/// One file of a process's directory.
struct ProcFile {
  std::string_view name;
  u32 mode;
  Result<> (*generate)(Sink& to, const Subject& subject);
  Result<> (*store)(const Subject& subject, std::string_view text) = nullptr;
};
/// Those of /proc/<pid> and /proc/<pid>/task/<tid>.
std::span<const ProcFile> process_files();
/// Files of /proc itself, and /proc/sys.
std::span<const fs::TextSpec> system_files();
extern const fs::DirSpec kProcSys;

} // namespace runnel::user
