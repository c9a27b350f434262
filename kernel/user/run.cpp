// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/run.hpp"

#include "kernel/fs/console.hpp"
#include "kernel/fs/file_head.hpp"
#include "kernel/fs/vfs.hpp"
#include "kernel/log/log.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/strace/strace.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

using boot::ExitCode;

/// The strings of one file, each ended by its NUL.
class Strings {
 public:
  Strings() = default;
  ~Strings() { kfree(list_); }
  Strings(const Strings&) = delete;
  Strings& operator=(const Strings&) = delete;

  Result<> read(std::string_view path) {
    const fs::Path root = fs::root_path();
    const auto file = fs::open({root, root}, path, fs::kReadOnly, 0);
    if (!file) return file.error() == Errno::kNOENT ? Result<>() : err(file.error());
    constexpr usize kMost = 1024 * 1024;
    RUNNEL_TRY(head_.read(**file, kMost));
    const auto content = head_.get();
    std::string_view text(reinterpret_cast<const char*>(content.data()), content.size());
    const auto n = static_cast<usize>(std::count(text.begin(), text.end(), '\0'));
    list_ = static_cast<std::string_view*>(kmalloc((n + 1) * sizeof(std::string_view)));
    if (list_ == nullptr) return err(Errno::kNOMEM);
    for (; count_ < n; ++count_) {
      list_[count_] = text.substr(0, text.find('\0'));
      text.remove_prefix(list_[count_].size() + 1);
    }
    return {};
  }
  std::span<const std::string_view> get() const { return {list_, count_}; }

 private:
  fs::FileHead head_; // the strings lie in it
  std::string_view* list_ = nullptr;
  usize count_ = 0;
};

std::string_view reason(Errno error) {
  switch (error) {
  case Errno::kNOENT:
    return "it, or the interpreter it names, is not in the initrd";
  case Errno::kACCES:
    return "it is no file, or not executable";
  case Errno::kNOEXEC:
    return "it is no ELF program for this machine";
  case Errno::kLIBBAD:
    return "the interpreter it names is no ELF file for this machine";
  case Errno::kNOMEM:
    return "out of memory";
  case Errno::kE2BIG:
    return "its arguments are too long";
  default:
    return "it cannot be loaded";
  }
}

Result<Process*> start(std::string_view path) {
  Strings argv;
  Strings envp;
  RUNNEL_TRY(argv.read("/.runnel/argv"));
  RUNNEL_TRY(envp.read("/.runnel/environ"));
  const std::string_view alone[] = {path};
  return spawn(path, argv.get().empty() ? std::span<const std::string_view>(alone) : argv.get(), envp.get());
}

} // namespace

boot::ExitCode run_program(std::string_view path) {
  const Result<Process*> process = start(path);
  if (!process) {
    raw_print("runnel: error exec: {}: {} (errno {})", path, reason(process.error()),
              static_cast<i32>(process.error()));
    return ExitCode::kBootFailed;
  }
  fs::set_console_group((*process)->pid);
  (*process)->exited.wait();
  const i32 status = (*process)->exit_status;
  put_process(**process);
  report_missing();
  const i32 signal = status & 0x7f;
  if (signal != 0)
    raw_print("runnel: exec killed {}", signal);
  else
    raw_print("runnel: exec exited {}", status >> 8 & 0xff);
  return status == 0 ? ExitCode::kPassed : ExitCode::kFailed;
}

} // namespace runnel::user
