// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/vfs.hpp"

#include "kernel/fs/device.hpp"
#include "kernel/fs/pipe.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::fs {

namespace {

u32 access_of(u32 flags) {
  constexpr u32 kOf[] = {kMayRead, kMayWrite, kMayRead | kMayWrite, kMayRead | kMayWrite};
  return kOf[flags & kAccessMode] | ((flags & kTruncate) != 0 ? u32{kMayWrite} : 0);
}

/// An open file that is a place only (O_PATH).
class PathFile final : public File {
 public:
  PathFile(Path path, u32 flags) : File(kPath | (flags & (kDirectory | kNoFollow))), path_(std::move(path)) {}
  bool can_poll() const override { return false; }
  void stat(Stat& to) const override { path_.inode().stat(to); }
  const Path* path() const override { return &path_; }
  Inode* inode() const override { return &path_.inode(); }

 private:
  Path path_;
};

/// Where a new name is to go: the walk's end, which is not there. With tree_lock.
Result<> check_new_name(const Found& found) {
  if (found.path || found.name_size == 0) return err(Errno::kEXIST);
  return check_access(found.parent.inode(), kMayWrite | kMayExec);
}

/// Whether `entry` may be taken out of `dir`.
Result<> check_removal(const Path& dir, const Path& entry) {
  RUNNEL_TRY(check_access(dir.inode(), kMayWrite | kMayExec));
  // The root of a mount has been entered: its name is busy.
  if (entry.mount != dir.mount || entry.dentry->mounts != 0) return err(Errno::kBUSY);
  return {};
}

/// The entry found before may have gone or changed meanwhile: looked up again, with tree_lock.
Result<RefPtr<Dentry>> look_again(const Path& dir, std::string_view name) {
  return dir.inode().lookup(*dir.dentry, name);
}

Result<FilePtr> create_and_open(const Found& found, u32 flags, u32 permissions) {
  RUNNEL_TRY(check_access(found.parent.inode(), kMayWrite | kMayExec));
  Path fresh{found.parent.mount, {}};
  bool made = false;
  {
    const MutexGuard guard(tree_lock);
    Inode& dir = found.parent.inode();
    Result<RefPtr<Dentry>> entry = dir.lookup(*found.parent.dentry, found.name_text());
    if (!entry && entry.error() == Errno::kNOENT) {
      made = true;
      entry = dir.create(*found.parent.dentry, found.name_text(), kTypeRegular | (permissions & 07777), 0);
    }
    if (!entry) return err(entry.error());
    fresh.dentry = std::move(*entry);
  }
  if (!made) { // somebody else was faster
    if ((flags & kExclusive) != 0) return err(Errno::kEXIST);
    return open_path(fresh, flags & ~kCreate);
  }
  // A new file may be written whatever its permissions.
  return fresh.inode().open(fresh, flags & ~kTruncate);
}

Result<FilePtr> open_temporary(const WalkBase& base, std::string_view text, u32 flags, u32 permissions) {
  Result<Found> found = walk(base, text, kFollow | kMustBeDirectory);
  if (!found) return err(found.error());
  if ((flags & kAccessMode) == kReadOnly) return err(Errno::kINVAL);
  RUNNEL_TRY(check_access(found->path.inode(), kMayWrite | kMayExec));
  // A name nobody can guess would do; here it is made and taken away under the lock.
  Path fresh{found->path.mount, {}};
  {
    const MutexGuard guard(tree_lock);
    char name[32];
    BufferSink sink(name);
    format_to(sink, "#{}", next_anonymous_inode());
    Inode& dir = found->path.inode();
    Result<RefPtr<Dentry>> entry =
        dir.create(*found->path.dentry, sink.view(), kTypeRegular | (permissions & 07777), 0);
    if (!entry) return err(entry.error() == Errno::kPERM ? Errno::kOPNOTSUPP : entry.error());
    fresh.dentry = std::move(*entry);
    RUNNEL_TRY(dir.unlink(*found->path.dentry, *fresh.dentry));
  }
  return fresh.inode().open(fresh, flags & ~(kTruncate | kDirectory));
}

} // namespace

Result<FilePtr> open(const WalkBase& base, std::string_view text, u32 flags, u32 permissions) {
  if ((flags & kPath) != 0) flags &= kPath | kDirectory | kNoFollow | kCloseOnExec;
  if ((flags & kTmpFile) != 0) return open_temporary(base, text, flags, permissions);
  const bool creating = (flags & kCreate) != 0;
  if (creating && (flags & kDirectory) != 0) return err(Errno::kINVAL);
  u32 walk_flags = 0;
  if ((flags & kNoFollow) == 0 && !(creating && (flags & kExclusive) != 0)) walk_flags |= kFollow;
  if (creating) walk_flags |= kMayMiss;
  if ((flags & kDirectory) != 0) walk_flags |= kMustBeDirectory;
  Result<Found> found = walk(base, text, walk_flags);
  if (!found) return err(found.error());
  if (creating) {
    if (found->name_size != 0 && found->slash_after) return err(Errno::kISDIR);
    if (!found->path) return create_and_open(*found, flags, permissions);
    if ((flags & kExclusive) != 0) return err(Errno::kEXIST);
    if (found->path.inode().is_directory()) return err(Errno::kISDIR);
  }
  return open_path(found->path, flags & ~kCreate);
}

Result<FilePtr> open_path(const Path& path, u32 flags) {
  Inode& inode = path.inode();
  if ((flags & kDirectory) != 0 && !inode.is_directory()) return err(Errno::kNOTDIR);
  if ((flags & kPath) != 0) return make_file<PathFile>(path, flags);
  if (inode.is_symlink()) return err(Errno::kLOOP);
  const u32 access = access_of(flags);
  if (inode.is_directory() && (access & kMayWrite) != 0) return err(Errno::kISDIR);
  RUNNEL_TRY(check_access(inode, access));
  switch (inode.type()) {
  case kTypeChar: {
    Stat stat;
    inode.stat(stat);
    return open_device(path, stat.rdev, flags);
  }
  case kTypeBlock:
  case kTypeSocket:
    return err(Errno::kNXIO);
  case kTypeFifo:
    return open_fifo(path, flags);
  default:
    break;
  }
  if ((flags & kTruncate) != 0 && inode.type() == kTypeRegular) RUNNEL_TRY(inode.truncate(0));
  return inode.open(path, flags);
}

Result<> make_node(const WalkBase& base, std::string_view text, u32 mode, u64 rdev) {
  const Result<Found> found = walk(base, text, kMayMiss);
  if (!found) return err(found.error());
  RUNNEL_TRY(check_new_name(*found));
  if ((mode & kTypeMask) != kTypeDirectory && found->slash_after) return err(Errno::kNOENT);
  const MutexGuard guard(tree_lock);
  if (look_again(found->parent, found->name_text())) return err(Errno::kEXIST);
  const auto made = found->parent.inode().create(*found->parent.dentry, found->name_text(), mode, rdev);
  return made ? Result<>() : err(made.error());
}

Result<> make_symlink(const WalkBase& base, std::string_view text, std::string_view target) {
  if (target.empty()) return err(Errno::kNOENT);
  if (target.size() >= kMaxPath) return err(Errno::kNAMETOOLONG);
  const Result<Found> found = walk(base, text, kMayMiss);
  if (!found) return err(found.error());
  RUNNEL_TRY(check_new_name(*found));
  if (found->slash_after) return err(Errno::kNOENT);
  const MutexGuard guard(tree_lock);
  if (look_again(found->parent, found->name_text())) return err(Errno::kEXIST);
  const auto made = found->parent.inode().symlink(*found->parent.dentry, found->name_text(), target);
  return made ? Result<>() : err(made.error());
}

Result<> make_link(const WalkBase& from_base, std::string_view from, const WalkBase& to_base,
                   std::string_view to, u32 flags) {
  const Result<Found> file = walk(from_base, from, flags & kFollow);
  if (!file) return err(file.error());
  return link_to(file->path, to_base, to);
}

Result<> link_to(const Path& file, const WalkBase& to_base, std::string_view to) {
  const Result<Found> found = walk(to_base, to, kMayMiss);
  if (!found) return err(found.error());
  RUNNEL_TRY(check_new_name(*found));
  if (found->parent.mount != file.mount) return err(Errno::kXDEV);
  if (file.inode().is_directory()) return err(Errno::kPERM);
  if (found->slash_after) return err(Errno::kNOENT);
  const MutexGuard guard(tree_lock);
  if (look_again(found->parent, found->name_text())) return err(Errno::kEXIST);
  return found->parent.inode().link(*found->parent.dentry, found->name_text(), file.inode());
}

Result<> remove_file(const WalkBase& base, std::string_view text) {
  const Result<Found> found = walk(base, text, 0);
  if (!found) return err(found.error());
  if (found->name_size == 0) return err(Errno::kISDIR);
  RUNNEL_TRY(check_access(found->parent.inode(), kMayWrite | kMayExec));
  const MutexGuard guard(tree_lock);
  const auto entry = look_again(found->parent, found->name_text());
  if (!entry) return err(entry.error());
  if ((*entry)->inode().is_directory()) return err(Errno::kISDIR);
  RUNNEL_TRY(check_removal(found->parent, found->path));
  return found->parent.inode().unlink(*found->parent.dentry, **entry);
}

Result<> remove_directory(const WalkBase& base, std::string_view text) {
  const Result<Found> found = walk(base, text, 0);
  if (!found) return err(found.error());
  if (found->name_size == 0) {
    if (!found->dots) return err(Errno::kBUSY); // the root
    return err(text.ends_with("..") || text.ends_with("../") ? Errno::kNOTEMPTY : Errno::kINVAL);
  }
  const MutexGuard guard(tree_lock);
  const auto entry = look_again(found->parent, found->name_text());
  if (!entry) return err(entry.error());
  if (!(*entry)->inode().is_directory()) return err(Errno::kNOTDIR);
  RUNNEL_TRY(check_removal(found->parent, found->path));
  if (!(*entry)->inode().is_empty_directory()) return err(Errno::kNOTEMPTY);
  return found->parent.inode().rmdir(*found->parent.dentry, **entry);
}

namespace {

/// Whether `dentry` is `above` or lies below it. With tree_lock.
bool is_within(const Dentry* dentry, const Dentry& above) {
  for (; dentry != nullptr; dentry = dentry->parent().get())
    if (dentry == &above) return true;
  return false;
}

/// With tree_lock; everything looked up again.
Result<> rename_locked(const Found& from, const Found& to, u32 flags) {
  const auto entry = look_again(from.parent, from.name_text());
  if (!entry) return err(entry.error());
  const auto other = look_again(to.parent, to.name_text());
  if (!other && other.error() != Errno::kNOENT) return err(other.error());
  Dentry* const replaced = other ? other->get() : nullptr;
  const bool is_dir = (*entry)->inode().is_directory();
  if (!is_dir && (from.slash_after || (to.slash_after && (flags & kRenameExchange) == 0)))
    return err(Errno::kNOTDIR);
  if ((*entry)->mounts != 0 || (replaced != nullptr && replaced->mounts != 0)) return err(Errno::kBUSY);
  if (is_within(to.parent.dentry.get(), **entry)) return err(Errno::kINVAL); // into itself
  if ((flags & kRenameExchange) != 0) {
    if (replaced == nullptr) return err(Errno::kNOENT);
    if (is_within(from.parent.dentry.get(), *replaced)) return err(Errno::kINVAL);
    return from.parent.inode().exchange(**entry, *replaced);
  }
  if (replaced != nullptr) {
    if ((flags & kRenameNoReplace) != 0) return err(Errno::kEXIST);
    if (&replaced->inode() == &(*entry)->inode()) return {}; // two names of one file: nothing to do
    if (is_within(from.parent.dentry.get(), *replaced)) return err(Errno::kNOTEMPTY);
    if (is_dir && !replaced->inode().is_directory()) return err(Errno::kNOTDIR);
    if (!is_dir && replaced->inode().is_directory()) return err(Errno::kISDIR);
    if (is_dir && !replaced->inode().is_empty_directory()) return err(Errno::kNOTEMPTY);
  }
  return from.parent.inode().rename(*from.parent.dentry, **entry, *to.parent.dentry, to.name_text(),
                                    replaced);
}

} // namespace

Result<> rename(const WalkBase& from_base, std::string_view from, const WalkBase& to_base,
                std::string_view to, u32 flags) {
  if ((flags & ~(kRenameNoReplace | kRenameExchange)) != 0 || flags == (kRenameNoReplace | kRenameExchange))
    return err(Errno::kINVAL);
  const Result<Found> source = walk(from_base, from, 0);
  if (!source) return err(source.error());
  const Result<Found> target = walk(to_base, to, kMayMiss);
  if (!target) return err(target.error());
  if (source->name_size == 0) return err(Errno::kBUSY);
  if (target->name_size == 0) return err((flags & kRenameNoReplace) != 0 ? Errno::kEXIST : Errno::kBUSY);
  if (source->parent.mount != target->parent.mount) return err(Errno::kXDEV);
  RUNNEL_TRY(check_access(source->parent.inode(), kMayWrite | kMayExec));
  RUNNEL_TRY(check_access(target->parent.inode(), kMayWrite | kMayExec));
  const MutexGuard guard(tree_lock);
  return rename_locked(*source, *target, flags);
}

Result<usize> read_link(const Path& link, const Path& root, std::span<char> buffer) {
  const auto text = static_cast<char*>(mm::kmalloc(kMaxPath));
  if (text == nullptr) return err(Errno::kNOMEM);
  const auto read = [&]() -> Result<usize> {
    LinkTarget target{.text = text, .size = 0, .is_jump = false, .jump = {}};
    RUNNEL_TRY(link.inode().read_link(target));
    std::string_view shown{target.text, target.size};
    if (target.is_jump && target.size == 0) {
      const Result<PathName> name = name_of(target.jump, root, {text, kMaxPath});
      if (!name) return err(name.error());
      shown = name->text;
      if (name->unlinked) {
        // The name lies at the buffer's end: moved to the front, where the suffix has room behind it.
        constexpr std::string_view kDeleted = " (deleted)";
        const usize n = std::min(shown.size(), kMaxPath - kDeleted.size());
        std::memmove(text, shown.data(), n);
        std::copy(kDeleted.begin(), kDeleted.end(), text + n);
        shown = {text, n + kDeleted.size()};
      }
    }
    const usize n = std::min(shown.size(), buffer.size());
    std::copy_n(shown.data(), n, buffer.data());
    return n;
  };
  const Result<usize> n = read();
  mm::kfree(text);
  return n;
}

Result<> truncate(const Path& path, u64 size) {
  Inode& inode = path.inode();
  if (inode.is_directory()) return err(Errno::kISDIR);
  if (inode.type() != kTypeRegular) return err(Errno::kINVAL);
  RUNNEL_TRY(check_access(inode, kMayWrite));
  return inode.truncate(size);
}

} // namespace runnel::fs
