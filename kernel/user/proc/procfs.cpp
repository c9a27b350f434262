// SPDX-License-Identifier: Apache-2.0
// The tree of /proc: its directories and links. The texts are in process_files.cpp and system_files.cpp.
#include "kernel/user/proc/procfs.hpp"

#include "kernel/fs/walk.hpp"
#include "kernel/user/exec.hpp"
#include "kernel/user/file/abi_stat.hpp"
#include "kernel/user/proc/subject.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::user {
namespace {

using fs::DirSink;
using fs::Inode;
using fs::LinkTarget;
using fs::Superblock;
using InodeResult = Result<RefPtr<Inode>>;

template <typename T, typename... Args> InodeResult make_inode(Args&&... args) {
  auto inode = RefPtr<T>::adopt(mm::knew<T>(std::forward<Args>(args)...));
  if (!inode) return err(Errno::kNOMEM);
  return RefPtr<Inode>(std::move(inode));
}

/// A decimal number without leading zeros; 0 with `found` false: none.
u32 parse_number(std::string_view text, bool& found) {
  found = !text.empty() && text.size() < 10 && (text[0] != '0' || text.size() == 1);
  u32 value = 0;
  for (const char c : text) {
    found = found && c >= '0' && c <= '9';
    if (!found) return 0;
    value = value * 10 + static_cast<u32>(c - '0');
  }
  return value;
}

void set_text(LinkTarget& target, std::string_view text) {
  target.size = std::min(text.size(), fs::kMaxPath);
  std::memcpy(target.text, text.data(), target.size);
}

bool add_number(DirSink& sink, u32 value, u32 type, u64 inode, u64 next) {
  char text[12];
  BufferSink name(text);
  format_to(name, "{}", value);
  return sink.add(name.view(), inode, type, next);
}

class ProcessText final : public fs::TextInode {
 public:
  ProcessText(Superblock& superblock, const Subject& subject, const ProcFile& spec)
      : TextInode(superblock, fs::kTypeRegular | spec.mode), subject_(subject), spec_(spec) {}
  Result<> generate(Sink& to) override { return spec_.generate(to, subject_); }
  Result<> store(std::string_view text) override {
    return spec_.store != nullptr ? spec_.store(subject_, text) : Result<>(err(Errno::kPERM));
  }

 private:
  Subject subject_;
  const ProcFile& spec_;
};

/// exe, cwd, root.
class PlaceLink final : public fs::LinkInode {
 public:
  enum class Place : u8 { kExecutable, kCurrent, kRoot };
  PlaceLink(Superblock& superblock, const Subject& subject, Place place)
      : LinkInode(superblock, fs::kTypeSymlink | 0777), subject_(subject), place_(place) {}
  Result<> read_link(LinkTarget& target) override {
    if (place_ == Place::kExecutable) {
      Process& process = subject_.process();
      RefPtr<Executable> file;
      {
        const IrqSpinGuard guard(process.lock);
        if (process.executable != nullptr) file = RefPtr<Executable>(*process.executable);
      }
      if (!file) return err(Errno::kNOENT);
      target.jump = file->path;
      target.is_jump = true;
      return {};
    }
    fs::FsContext* const paths = subject_.paths();
    if (paths == nullptr) return err(Errno::kNOENT);
    target.is_jump = true;
    target.jump = place_ == Place::kCurrent ? paths->cwd() : paths->root();
    paths->put_ref();
    return {};
  }

 private:
  Subject subject_;
  Place place_;
};

/// fd/N: where the file was opened, or what kind of object it is.
class FdLink final : public fs::LinkInode {
 public:
  FdLink(Superblock& superblock, fs::FilePtr file)
      : LinkInode(superblock, fs::kTypeSymlink | mode_of(*file)), file_(std::move(file)) {}
  Result<> read_link(LinkTarget& target) override {
    if (const fs::Path* const path = file_->path()) {
      target.is_jump = true;
      target.jump = *path;
      return {};
    }
    char text[300];
    BufferSink sink(text);
    file_->describe(sink);
    set_text(target, sink.view());
    return {};
  }

 private:
  static u32 mode_of(const fs::File& file) {
    return (file.is_readable() ? 0500u : 0u) | (file.is_writable() ? 0300u : 0u);
  }
  fs::FilePtr file_;
};

/// fdinfo/N.
class FdText final : public fs::TextInode {
 public:
  FdText(Superblock& superblock, fs::FilePtr file, u32 extra_flags)
      : TextInode(superblock, fs::kTypeRegular | 0444), file_(std::move(file)), extra_flags_(extra_flags) {}
  Result<> generate(Sink& to) override {
    fs::Stat stat;
    file_->stat(stat);
    char octal[16];
    usize at = sizeof octal;
    for (u32 flags = open_flags_to_user(file_->flags() | extra_flags_); flags != 0 || at == sizeof octal;
         flags /= 8)
      octal[--at] = static_cast<char>('0' + flags % 8);
    format_to(to, "pos:\t{}\nflags:\t0{}\nmnt_id:\t{}\nino:\t{}\n", file_->position(),
              std::string_view(octal + at, sizeof octal - at),
              file_->path() != nullptr ? file_->path()->mount->id : 0, stat.inode);
    file_->fdinfo(to);
    return {};
  }

 private:
  fs::FilePtr file_;
  u32 extra_flags_;
};

class FdDirectory final : public fs::DirectoryInode {
 public:
  enum class Kind : u8 { kLinks, kInfo };
  FdDirectory(Superblock& superblock, const Subject& subject, Kind kind)
      : DirectoryInode(superblock, fs::kTypeDirectory | 0555), subject_(subject), kind_(kind) {}

  InodeResult find(std::string_view name) override {
    bool is_number;
    const i32 fd = static_cast<i32>(parse_number(name, is_number));
    FileTable* const files = is_number ? subject_.files() : nullptr;
    if (files == nullptr) return err(Errno::kNOENT);
    auto file = files->find(fd);
    const auto on_exec = files->on_exec(fd);
    files->put();
    if (!file) return err(Errno::kNOENT);
    if (kind_ == Kind::kLinks) return make_inode<FdLink>(sb, std::move(*file));
    const bool closes = on_exec && *on_exec == FileTable::OnExec::kClose;
    return make_inode<FdText>(sb, std::move(*file), closes ? u32{fs::kCloseOnExec} : 0);
  }
  void list(DirSink& sink, u64& at) override {
    FileTable* const files = subject_.files();
    if (files == nullptr) return;
    for (i32 fd; (fd = files->next_open(static_cast<i32>(at) - 2)) >= 0; at = static_cast<u64>(fd) + 3)
      if (!add_number(sink, static_cast<u32>(fd), kind_ == Kind::kLinks ? fs::kTypeSymlink : fs::kTypeRegular,
                      number + static_cast<u64>(fd) + 1, static_cast<u64>(fd) + 3))
        break;
    files->put();
  }

 private:
  Subject subject_;
  Kind kind_;
};

class TaskDirectory;

/// /proc/<pid> and /proc/<pid>/task/<tid>.
class ProcessDirectory final : public fs::DirectoryInode {
 public:
  ProcessDirectory(Superblock& superblock, const Subject& subject)
      : DirectoryInode(superblock, fs::kTypeDirectory | 0555), subject_(subject) {}
  InodeResult find(std::string_view name) override;

  void list(DirSink& sink, u64& at) override {
    const auto files = process_files();
    for (u64 i = at - 2; i < std::size(kOthers) + files.size(); ++i, at = i + 2) {
      const bool other = i < std::size(kOthers);
      if (other && kOthers[i].name == "task" && subject_.is_thread()) continue;
      const std::string_view name = other ? kOthers[i].name : files[i - std::size(kOthers)].name;
      if (!sink.add(name, number + i + 1, other ? kOthers[i].type : fs::kTypeRegular, i + 3)) return;
    }
  }

 private:
  struct Other {
    std::string_view name;
    u32 type;
  };
  static constexpr Other kOthers[] = {{"task", fs::kTypeDirectory},   {"fd", fs::kTypeDirectory},
                                      {"fdinfo", fs::kTypeDirectory}, {"exe", fs::kTypeSymlink},
                                      {"cwd", fs::kTypeSymlink},      {"root", fs::kTypeSymlink}};
  Subject subject_;
};

class TaskDirectory final : public fs::DirectoryInode {
 public:
  TaskDirectory(Superblock& superblock, const Subject& subject)
      : DirectoryInode(superblock, fs::kTypeDirectory | 0555), subject_(subject) {}
  InodeResult find(std::string_view name) override {
    bool is_number;
    const u32 tid = parse_number(name, is_number);
    if (!is_number || tid == 0 || subject_.next_thread(tid - 1) != tid) return err(Errno::kNOENT);
    return make_inode<ProcessDirectory>(sb, subject_.thread(tid));
  }
  void list(DirSink& sink, u64& at) override {
    for (u32 tid; (tid = subject_.next_thread(static_cast<u32>(at) - 2)) != 0; at = u64{tid} + 2)
      if (!add_number(sink, tid, fs::kTypeDirectory, number + tid, u64{tid} + 2)) return;
  }

 private:
  Subject subject_;
};

InodeResult ProcessDirectory::find(std::string_view name) {
  for (const ProcFile& file : process_files())
    if (file.name == name) return make_inode<ProcessText>(sb, subject_, file);
  if (name == "task" && !subject_.is_thread()) return make_inode<TaskDirectory>(sb, subject_);
  if (name == "fd") return make_inode<FdDirectory>(sb, subject_, FdDirectory::Kind::kLinks);
  if (name == "fdinfo") return make_inode<FdDirectory>(sb, subject_, FdDirectory::Kind::kInfo);
  if (name == "exe") return make_inode<PlaceLink>(sb, subject_, PlaceLink::Place::kExecutable);
  if (name == "cwd") return make_inode<PlaceLink>(sb, subject_, PlaceLink::Place::kCurrent);
  if (name == "root") return make_inode<PlaceLink>(sb, subject_, PlaceLink::Place::kRoot);
  return err(Errno::kNOENT); // seam (namespaces): ns/, timens_offsets
}

/// self and thread-self, for whoever reads them.
class SelfLink final : public fs::LinkInode {
 public:
  enum class Of : u8 { kProcess, kThread };
  SelfLink(Superblock& superblock, Of of) : LinkInode(superblock, fs::kTypeSymlink | 0777), of_(of) {}
  Result<> read_link(LinkTarget& target) override {
    const Thread* const self = current_thread_or_null();
    if (self == nullptr) return err(Errno::kNOENT);
    char text[40];
    BufferSink sink(text);
    format_to(sink, "{}", self->process->pid);
    if (of_ == Of::kThread) format_to(sink, "/task/{}", self->tid());
    set_text(target, sink.view());
    return {};
  }

 private:
  Of of_;
};

class MountsLink final : public fs::LinkInode {
 public:
  explicit MountsLink(Superblock& superblock) : LinkInode(superblock, fs::kTypeSymlink | 0777) {}
  Result<> read_link(LinkTarget& target) override {
    set_text(target, "self/mounts");
    return {};
  }
};

class RootDirectory final : public fs::DirectoryInode {
 public:
  explicit RootDirectory(Superblock& superblock) : DirectoryInode(superblock, fs::kTypeDirectory | 0555) {}

  InodeResult find(std::string_view name) override {
    bool is_number;
    if (const u32 pid = parse_number(name, is_number); is_number) {
      Process* const process = proc_source.find(pid);
      if (process == nullptr) return err(Errno::kNOENT);
      return make_inode<ProcessDirectory>(sb, Subject(process, 0));
    }
    if (name == "self") return make_inode<SelfLink>(sb, SelfLink::Of::kProcess);
    if (name == "thread-self") return make_inode<SelfLink>(sb, SelfLink::Of::kThread);
    if (name == "mounts") return make_inode<MountsLink>(sb);
    if (name == kProcSys.name) return fs::make_table_directory(sb, kProcSys);
    for (const fs::TextSpec& file : system_files())
      if (file.name == name) return fs::make_table_file(sb, file);
    return err(Errno::kNOENT);
  }

  void list(DirSink& sink, u64& at) override {
    struct Fixed {
      std::string_view name;
      u32 type;
    };
    constexpr Fixed kFixed[] = {{"self", fs::kTypeSymlink},
                                {"thread-self", fs::kTypeSymlink},
                                {"mounts", fs::kTypeSymlink},
                                {"sys", fs::kTypeDirectory}};
    const auto files = system_files();
    const u64 fixed = std::size(kFixed) + files.size();
    for (u64 i = at - 2; i < fixed; ++i, at = i + 2) {
      const bool special = i < std::size(kFixed);
      const std::string_view name = special ? kFixed[i].name : files[i - std::size(kFixed)].name;
      if (!sink.add(name, number + i + 1, special ? kFixed[i].type : fs::kTypeRegular, i + 3)) return;
    }
    for (u32 pid; (pid = proc_source.next(static_cast<u32>(at - 2 - fixed))) != 0; at = fixed + 2 + pid)
      if (!add_number(sink, pid, fs::kTypeDirectory, number + fixed + pid, fixed + 2 + pid)) return;
  }
};

constexpr u64 kProcMagic = 0x9fa0;
constexpr u32 kDevice = 19;

} // namespace

fs::PseudoFs* create_procfs() {
  auto* const fs = mm::knew<fs::PseudoFs>("proc", kProcMagic, kDevice);
  if (fs == nullptr) return nullptr;
  if (auto root = RefPtr<RootDirectory>::adopt(mm::knew<RootDirectory>(*fs)))
    fs->root = fs::Dentry::create("", nullptr, RefPtr<Inode>(std::move(root)));
  if (fs->root) return fs;
  mm::kdelete(fs);
  return nullptr;
}

} // namespace runnel::user
