// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/walk.hpp"

#include "kernel/fs/path_text.hpp"

#include <algorithm>

namespace runnel::fs {

namespace {

/// A page-sized buffer that goes with its scope.
class Buffer {
 public:
  explicit Buffer(usize size) : data_(static_cast<char*>(mm::kmalloc(size))), size_(size) {}
  ~Buffer() { mm::kfree(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  explicit operator bool() const { return data_ != nullptr; }
  char* data() const { return data_; }
  std::span<char> span() const { return {data_, size_}; }

 private:
  char* data_;
  usize size_;
};

/// One walk: where it is and what is left.
class Walker {
 public:
  Walker(const WalkBase& base, u32 flags, std::span<char> buffer)
      : base_(base), flags_(flags), text_(buffer), here_(base.here) {}

  Result<Found> run(std::string_view text) {
    RUNNEL_TRY(text_.prepend(text));
    if (text_.is_absolute()) here_ = base_.root;
    for (;;) {
      const PathText::Component component = text_.next();
      if (component.name.empty()) return end_at(here_, true); // "/", or a link to it
      const Result<bool> ended = step(component);
      if (!ended) return err(ended.error());
      if (*ended) return std::move(found_);
    }
  }

 private:
  /// True: found_ is the result.
  Result<bool> step(const PathText::Component& component) {
    if (!here_.inode().is_directory()) return err(Errno::kNOTDIR);
    RUNNEL_TRY(check_access(here_.inode(), kMayExec));
    if (component.name.size() > kMaxName) return err(Errno::kNAMETOOLONG);
    if (component.name == "." || component.name == "..") {
      if (component.name == "..") {
        const MutexGuard guard(tree_lock);
        climb(here_, base_.root);
      }
      if (!component.last) return false;
      const Result<Found> end = end_at(here_, component.slash_after);
      if (!end) return err(end.error());
      found_.dots = true;
      return true;
    }
    return enter(component);
  }

  Result<bool> enter(const PathText::Component& component) {
    Path next{here_.mount, {}};
    {
      const MutexGuard guard(tree_lock);
      Result<RefPtr<Dentry>> child = here_.inode().lookup(*here_.dentry, component.name);
      if (child) {
        next.dentry = std::move(*child);
        enter_mounts(next);
      } else if (child.error() != Errno::kNOENT || !component.last || (flags_ & kMayMiss) == 0) {
        return err(child.error());
      }
    }
    const bool directory_wanted = component.slash_after || (flags_ & kMustBeDirectory) != 0;
    if (next && next.inode().is_symlink() &&
        (!component.last || component.slash_after || (flags_ & kFollow) != 0))
      return follow(next, component);
    if (!component.last) {
      here_ = std::move(next);
      return false;
    }
    if (next && directory_wanted && !next.inode().is_directory()) return err(Errno::kNOTDIR);
    found_.name_size = component.name.size();
    std::copy(component.name.begin(), component.name.end(), found_.name);
    found_.slash_after = component.slash_after;
    found_.parent = std::move(here_);
    found_.path = std::move(next);
    return true;
  }

  Result<bool> follow(const Path& link, const PathText::Component& component) {
    if (++links_ > kMaxLinks || (flags_ & kNoSymlinks) != 0) return err(Errno::kLOOP);
    const Buffer buffer(kMaxPath);
    if (!buffer) return err(Errno::kNOMEM);
    LinkTarget target{.text = buffer.data(), .size = 0, .is_jump = false, .jump = {}};
    RUNNEL_TRY(link.inode().read_link(target));
    if (target.is_jump) {
      here_ = std::move(target.jump);
      if (!component.last) return false;
      if (component.slash_after && !here_.inode().is_directory()) return err(Errno::kNOTDIR);
      const Result<Found> end = end_at(here_, component.slash_after);
      return end ? Result<bool>(true) : err(end.error());
    }
    RUNNEL_TRY(text_.prepend({target.text, target.size}));
    if (text_.is_absolute()) here_ = base_.root;
    return false;
  }

  Result<Found> end_at(const Path& path, bool slash) {
    if ((flags_ & kMustBeDirectory) != 0 && !path.inode().is_directory()) return err(Errno::kNOTDIR);
    found_.parent = path;
    found_.path = path;
    found_.slash_after = slash;
    return found_;
  }

  const WalkBase& base_;
  u32 flags_;
  PathText text_;
  Path here_;
  Found found_;
  u32 links_ = 0;
};

constinit Mount* all_mounts GUARDED_BY(tree_lock) = nullptr;
constinit u64 last_mount_id GUARDED_BY(tree_lock) = 0;
// Held for good: a RefPtr here would want a destructor at exit.
constinit Mount* root_mount GUARDED_BY(tree_lock) = nullptr;
constinit Dentry* root_dentry GUARDED_BY(tree_lock) = nullptr;

void copy_text(std::span<char> to, std::string_view from) {
  const usize n = std::min(from.size(), to.size() - 1);
  std::copy_n(from.begin(), n, to.begin());
  to[n] = '\0';
}

} // namespace

RefPtr<FsContext> FsContext::create() {
  const Path root = root_path();
  return RefPtr<FsContext>::adopt(mm::knew<FsContext>(root, root));
}

RefPtr<FsContext> FsContext::copy() {
  auto copy = RefPtr<FsContext>::adopt(mm::knew<FsContext>(root(), cwd()));
  if (copy) copy->umask.store(umask.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return copy;
}

Path FsContext::root() {
  const MutexGuard guard(lock_);
  return root_;
}
Path FsContext::cwd() {
  const MutexGuard guard(lock_);
  return cwd_;
}
// The old place is given up outside of the lock.
void FsContext::set_root(Path path) {
  const MutexGuard guard(lock_);
  std::swap(root_, path);
}
void FsContext::set_cwd(Path path) {
  const MutexGuard guard(lock_);
  std::swap(cwd_, path);
}

Result<Found> walk(const WalkBase& base, std::string_view text, u32 flags) {
  if (text.size() >= kMaxPath) return err(Errno::kNAMETOOLONG);
  const Buffer buffer(kMaxPath);
  if (!buffer) return err(Errno::kNOMEM);
  return Walker(base, flags, buffer.span()).run(text);
}

void enter_mounts(Path& path) {
  while (path.dentry->mounts != 0) {
    Mount* top = nullptr;
    for (Mount* m = all_mounts; m != nullptr; m = m->next)
      if (m->parent == path.mount && m->at == path.dentry) top = m;
    if (top == nullptr) return;
    path = {RefPtr<Mount>(*top), top->root};
  }
}

void climb(Path& path, const Path& root) {
  if (!(path == root)) {
    while (path.dentry == path.mount->root && path.mount->parent) path = {path.mount->parent, path.mount->at};
    if (path.dentry->parent() && !(path == root)) path.dentry = path.dentry->parent();
  }
  enter_mounts(path);
}

Result<RefPtr<Mount>> mount(Superblock& sb, const Path& at, std::string_view source, std::string_view where) {
  auto fresh = RefPtr<Mount>::adopt(mm::knew<Mount>());
  if (!fresh) return err(Errno::kNOMEM);
  fresh->sb = &sb;
  fresh->root = sb.root;
  fresh->parent = at.mount;
  fresh->at = at.dentry;
  copy_text(fresh->source, source);
  copy_text(fresh->where, where);
  const MutexGuard guard(tree_lock);
  fresh->id = ++last_mount_id;
  if (at) ++at.dentry->mounts;
  Mount** end = &all_mounts; // in the order of mounting: the newest on top is the last
  while (*end != nullptr) end = &(*end)->next;
  fresh->get_ref(); // the list's
  *end = fresh.get();
  return fresh;
}

void unmount(Mount& mount) {
  {
    const MutexGuard guard(tree_lock);
    for (Mount** m = &all_mounts; *m != nullptr; m = &(*m)->next) {
      if (*m != &mount) continue;
      *m = mount.next;
      if (mount.at) --mount.at->mounts;
      break;
    }
  }
  mount.put_ref();
}

Mount* first_mount() { return all_mounts; }

Path root_path() {
  const MutexGuard guard(tree_lock);
  if (root_mount == nullptr) return {};
  return {RefPtr<Mount>(*root_mount), RefPtr<Dentry>(*root_dentry)};
}
void set_root_path(Path path) {
  const MutexGuard guard(tree_lock);
  root_mount = path.mount.release();
  root_dentry = path.dentry.release();
}

Result<PathName> name_of(const Path& path, const Path& root, std::span<char> buffer) {
  PathName result;
  usize at = buffer.size();
  const auto put = [&](std::string_view text) {
    if (text.size() > at) return false;
    at -= text.size();
    std::copy(text.begin(), text.end(), buffer.begin() + static_cast<std::ptrdiff_t>(at));
    return true;
  };
  const MutexGuard guard(tree_lock);
  const Mount* mount = path.mount.get();
  const Dentry* dentry = path.dentry.get();
  while (!(mount == root.mount.get() && dentry == root.dentry.get())) {
    if (mount != nullptr && dentry == mount->root.get()) {
      if (!mount->parent) {
        result.reachable = false;
        break;
      }
      dentry = mount->at.get();
      mount = mount->parent.get();
      continue;
    }
    if (!dentry->parent()) {
      result.reachable = false;
      break;
    }
    result.unlinked |= dentry->is_unlinked();
    if (!put(dentry->name()) || !put("/")) return err(Errno::kNAMETOOLONG);
    dentry = dentry->parent().get();
  }
  if (at == buffer.size() && !put("/")) return err(Errno::kNAMETOOLONG);
  result.text = {buffer.data() + at, buffer.size() - at};
  return result;
}

} // namespace runnel::fs
