// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/tmpfs_inode.hpp"

#include "kernel/fs/seams.hpp"

#include <cstring>

namespace runnel::fs {

TmpDirectory::~TmpDirectory() {
  // Normally empty: entries refer to their directory. Left-overs of a failed create.
}

Dentry* TmpDirectory::find(std::string_view name) {
  Dentry* entry = names_.root();
  while (entry != nullptr && entry->name() != name)
    entry = name < entry->name() ? names_.left(*entry) : names_.right(*entry);
  return entry;
}

Result<RefPtr<Dentry>> TmpDirectory::lookup(Dentry&, std::string_view name) {
  Dentry* const entry = find(name);
  if (entry == nullptr) return err(Errno::kNOENT);
  return RefPtr<Dentry>(*entry);
}

void TmpDirectory::insert(Dentry& entry) {
  entry.cookie = ++last_cookie_;
  names_.insert(entry);
  order_.insert(entry);
  ++nr_entries_;
}

void TmpDirectory::remove(Dentry& entry) {
  names_.erase(entry);
  order_.erase(entry);
  --nr_entries_;
}

void TmpDirectory::count_links(i32 change) {
  const MutexGuard guard(lock_);
  links_ = static_cast<u64>(static_cast<i64>(links_) + change);
  touch();
}

void TmpNode::count_links(i32 change) {
  const MutexGuard guard(lock_);
  links_ = static_cast<u64>(static_cast<i64>(links_) + change);
  ctime_ = realtime_now();
}

Result<RefPtr<Dentry>> TmpDirectory::add(Dentry& dir, std::string_view name, RefPtr<Inode> inode) {
  if (dir.is_unlinked()) return err(Errno::kNOENT);
  const bool is_dir = inode->is_directory();
  RefPtr<Dentry> entry = Dentry::create(name, RefPtr<Dentry>(dir), std::move(inode));
  if (!entry) return err(Errno::kNOMEM);
  insert(*entry);
  entry->get_ref(); // the directory's
  count_links(is_dir ? 1 : 0);
  return entry;
}

Result<RefPtr<Dentry>> TmpDirectory::create(Dentry& dir, std::string_view name, u32 mode, u64 rdev) {
  AttributeChange ids{.what = static_cast<u32>(Change::kUid) | static_cast<u32>(Change::kGid)};
  seams.current_ids(ids.uid, ids.gid);
  RefPtr<Inode> inode;
  if ((mode & kTypeMask) == kTypeDirectory) {
    inode = RefPtr<TmpDirectory>::adopt(mm::knew<TmpDirectory>(sb, mode));
  } else {
    auto node = RefPtr<TmpNode>::adopt(mm::knew<TmpNode>(sb, mode, rdev));
    if (!node) return err(Errno::kNOMEM);
    RUNNEL_TRY(node->prepare({}));
    inode = std::move(node);
  }
  if (!inode) return err(Errno::kNOMEM);
  inode->set_ids(ids.uid, ids.gid);
  return add(dir, name, std::move(inode));
}

Result<RefPtr<Dentry>> TmpDirectory::symlink(Dentry& dir, std::string_view name, std::string_view target) {
  auto node = RefPtr<TmpNode>::adopt(mm::knew<TmpNode>(sb, kTypeSymlink | 0777, u64{0}));
  if (!node) return err(Errno::kNOMEM);
  RUNNEL_TRY(node->prepare(target));
  u32 uid, gid;
  seams.current_ids(uid, gid);
  node->set_ids(uid, gid);
  return add(dir, name, std::move(node));
}

Result<> TmpDirectory::link(Dentry& dir, std::string_view name, Inode& file) {
  RUNNEL_TRY(add(dir, name, RefPtr<Inode>(file)));
  static_cast<TmpNode&>(file).count_links(1);
  return {};
}

Result<> TmpDirectory::unlink(Dentry&, Dentry& entry) {
  remove(entry);
  count_links(0);
  entry.set_unlinked();
  static_cast<TmpNode&>(entry.inode()).count_links(-1);
  entry.put_ref();
  return {};
}

Result<> TmpDirectory::rmdir(Dentry&, Dentry& entry) {
  auto& child = static_cast<TmpDirectory&>(entry.inode());
  if (!child.names_.empty()) return err(Errno::kNOTEMPTY);
  remove(entry);
  count_links(-1);
  child.count_links(-2);
  entry.set_unlinked();
  entry.put_ref();
  return {};
}

Result<> TmpDirectory::rename(Dentry& dir, Dentry& entry, Dentry& to, std::string_view name,
                              Dentry* replaced) {
  if (to.is_unlinked()) return err(Errno::kNOENT);
  auto& target = static_cast<TmpDirectory&>(to.inode());
  const bool is_dir = entry.inode().is_directory();
  remove(entry);
  if (Result<> moved = entry.move(name, RefPtr<Dentry>(to)); !moved) {
    names_.insert(entry);
    order_.insert(entry);
    ++nr_entries_;
    return moved;
  }
  if (replaced != nullptr)
    static_cast<void>(is_dir ? target.rmdir(to, *replaced) : target.unlink(to, *replaced));
  target.insert(entry);
  count_links(is_dir && &dir != &to ? -1 : 0);
  target.count_links(is_dir && &dir != &to ? 1 : 0);
  return {};
}

Result<> TmpDirectory::exchange(Dentry& a, Dentry& b) {
  auto& of_a = static_cast<TmpDirectory&>(a.parent()->inode());
  auto& of_b = static_cast<TmpDirectory&>(b.parent()->inode());
  of_a.remove(a);
  of_b.remove(b);
  Dentry::exchange_places(a, b);
  of_b.insert(a);
  of_a.insert(b);
  const i32 change = (a.inode().is_directory() ? 1 : 0) - (b.inode().is_directory() ? 1 : 0);
  of_b.count_links(&of_a == &of_b ? 0 : change);
  of_a.count_links(&of_a == &of_b ? 0 : -change);
  return {};
}

void TmpDirectory::list(DirSink& sink, u64& cookie) {
  // The first entry at or above the cookie.
  Dentry* entry = nullptr;
  for (Dentry* d = order_.root(); d != nullptr;) {
    if (d->cookie >= cookie) {
      entry = d;
      d = order_.left(*d);
    } else {
      d = order_.right(*d);
    }
  }
  for (; entry != nullptr; entry = order_.next(*entry)) {
    if (!sink.add(entry->name(), entry->inode().number, entry->inode().type(), entry->cookie + 1)) return;
    cookie = entry->cookie + 1;
  }
}

void TmpDirectory::clear() {
  // Depth first without recursion: down to a directory without subdirectories, then up again.
  Dentry* at = nullptr; // nullptr: this directory
  for (;;) {
    auto& dir = at == nullptr ? *this : static_cast<TmpDirectory&>(at->inode());
    if (Dentry* const entry = dir.order_.first()) {
      if (entry->inode().is_directory() && !static_cast<TmpDirectory&>(entry->inode()).order_.empty()) {
        at = entry;
        continue;
      }
      dir.remove(*entry);
      entry->set_unlinked();
      entry->put_ref();
      continue;
    }
    if (at == nullptr) return;
    Dentry* const up = at->parent().get();
    at = &up->inode() == this ? nullptr : up;
  }
}

void TmpDirectory::stat(Stat& to) {
  Inode::stat(to);
  to.size = 40 + nr_entries_ * 20; // a hint, as tmpfs gives
}

TmpNode::~TmpNode() {
  if (content_ != nullptr) content_->put();
  mm::kfree(target_);
}

Result<> TmpNode::prepare(std::string_view target) {
  if (type() == kTypeRegular) {
    content_ = FileContent::create(number);
    if (content_ == nullptr) return err(Errno::kNOMEM);
  } else if (is_symlink()) {
    target_ = static_cast<char*>(mm::kmalloc(target.size()));
    if (target_ == nullptr) return err(Errno::kNOMEM);
    std::memcpy(target_, target.data(), target.size());
    target_size_ = target.size();
  }
  return {};
}

Result<> TmpNode::read_link(LinkTarget& target) {
  if (!is_symlink()) return err(Errno::kINVAL);
  std::memcpy(target.text, target_, target_size_);
  target.size = target_size_;
  return {};
}

void TmpNode::stat(Stat& to) {
  Inode::stat(to);
  to.size = content_ != nullptr ? content_->size() : target_size_;
  if (content_ != nullptr) to.blocks = content_->nr_pages() * (kPageSize / 512);
}

Result<> TmpNode::truncate(u64 size) {
  if (content_ == nullptr) return err(Errno::kINVAL);
  const MutexGuard guard(lock_);
  RUNNEL_TRY(content_->resize(size));
  touch();
  return {};
}

Result<usize> TmpNode::read(IoBuffer& to, u64& position) {
  const Result<usize> n = content_->read(to, position);
  if (n) position += *n;
  return n;
}

Result<usize> TmpNode::write(IoBuffer& from, u64& position, u32 flags) {
  if (from.empty()) return 0;
  // Held while user memory is read: faults on a mapping of this file take the content's own lock only.
  const MutexGuard guard(lock_);
  if ((flags & kAppend) != 0) position = content_->size();
  const Result<usize> n = content_->write(from, position);
  if (n) position += *n;
  touch();
  return n;
}

} // namespace runnel::fs
