// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/inode.hpp"

#include "kernel/fs/seams.hpp"

#include <cstring>

namespace runnel::fs {

constinit Mutex tree_lock;

char* Dentry::copy_name(std::string_view name) {
  const auto copy = static_cast<char*>(mm::kmalloc(name.size() + 1));
  if (copy != nullptr) std::memcpy(copy, name.data(), name.size());
  return copy;
}

RefPtr<Dentry> Dentry::create(std::string_view name, RefPtr<Dentry> parent, RefPtr<Inode> inode) {
  auto dentry = RefPtr<Dentry>::adopt(mm::knew<Dentry>());
  if (!dentry) return {};
  dentry->name_ = copy_name(name);
  if (dentry->name_ == nullptr) return {};
  dentry->name_size_ = name.size();
  dentry->parent_ = std::move(parent);
  dentry->inode_ = std::move(inode);
  return dentry;
}

Dentry::~Dentry() {
  mm::kfree(name_);
  // The parent may have lived for this one's sake, and its parent for its: one after the other, not each
  // within the other's end, or a deep tree would overflow the stack.
  RefPtr<Dentry> up = std::move(parent_);
  while (up && up->ref_count() == 1) {
    RefPtr<Dentry> next = std::move(up->parent_);
    up = std::move(next);
  }
}

Result<> Dentry::move(std::string_view name, RefPtr<Dentry> parent) {
  char* const copy = copy_name(name);
  if (copy == nullptr) return err(Errno::kNOMEM);
  mm::kfree(name_);
  name_ = copy;
  name_size_ = name.size();
  parent_ = std::move(parent);
  return {};
}

void Dentry::exchange_places(Dentry& a, Dentry& b) {
  std::swap(a.name_, b.name_);
  std::swap(a.name_size_, b.name_size_);
  std::swap(a.parent_, b.parent_);
}

Inode::Inode(Superblock& superblock, u32 file_mode)
    : sb(superblock), number(superblock.next_inode()), mode_(file_mode) {
  atime_ = mtime_ = ctime_ = btime_ = realtime_now();
}

Inode::~Inode() = default; // owners of locks had it open

Result<RefPtr<Dentry>> Inode::lookup(Dentry&, std::string_view) { return err(Errno::kNOTDIR); }
Result<RefPtr<Dentry>> Inode::create(Dentry&, std::string_view, u32, u64) { return err(Errno::kPERM); }
Result<RefPtr<Dentry>> Inode::symlink(Dentry&, std::string_view, std::string_view) {
  return err(Errno::kPERM);
}
Result<> Inode::link(Dentry&, std::string_view, Inode&) { return err(Errno::kPERM); }
Result<> Inode::unlink(Dentry&, Dentry&) { return err(Errno::kPERM); }
Result<> Inode::rmdir(Dentry&, Dentry&) { return err(Errno::kPERM); }
Result<> Inode::rename(Dentry&, Dentry&, Dentry&, std::string_view, Dentry*) { return err(Errno::kPERM); }
Result<> Inode::exchange(Dentry&, Dentry&) { return err(Errno::kPERM); }
Result<> Inode::read_link(LinkTarget&) { return err(Errno::kINVAL); }
Result<> Inode::truncate(u64) { return err(is_directory() ? Errno::kISDIR : Errno::kINVAL); }

void Inode::touch() { mtime_ = ctime_ = realtime_now(); }

void Inode::stat(Stat& to) {
  const MutexGuard guard(lock_);
  to.device = sb.device();
  to.inode = number;
  to.mode = mode();
  to.links = links_;
  to.uid = uid_;
  to.gid = gid_;
  to.rdev = rdev_;
  to.atime = atime_;
  to.mtime = mtime_;
  to.ctime = ctime_;
  to.btime = btime_;
}

Result<> Inode::change(const AttributeChange& change) {
  const MutexGuard guard(lock_);
  u32 uid, gid;
  seams.current_ids(uid, gid);
  const bool is_owner = uid == 0 || uid == uid_;
  if ((change.has(Change::kMode) || change.has(Change::kAtime) || change.has(Change::kMtime)) && !is_owner)
    return err(Errno::kPERM);
  if (change.has(Change::kUid) && change.uid != uid_ && uid != 0) return err(Errno::kPERM);
  if (change.has(Change::kGid) && change.gid != gid_ && uid != 0 && !(is_owner && change.gid == gid))
    return err(Errno::kPERM);
  if (change.has(Change::kMode))
    mode_.store((mode() & kTypeMask) | (change.mode & 07777), std::memory_order_relaxed);
  if (change.has(Change::kUid)) uid_ = change.uid;
  if (change.has(Change::kGid)) gid_ = change.gid;
  if (change.has(Change::kAtime)) atime_ = change.atime;
  if (change.has(Change::kMtime)) mtime_ = change.mtime;
  ctime_ = realtime_now();
  return {};
}

Result<> check_access(Inode& inode, u32 access) {
  u32 uid, gid;
  seams.current_ids(uid, gid);
  Stat stat;
  inode.stat(stat);
  if (uid == 0) {
    // Root may do everything, but runs only what somebody may run.
    if ((access & kMayExec) == 0 || inode.is_directory() || (stat.mode & 0111) != 0) return {};
    return err(Errno::kACCES);
  }
  const u32 shift = uid == stat.uid ? 6 : gid == stat.gid ? 3 : 0;
  return (stat.mode >> shift & access) == access ? Result<>() : err(Errno::kACCES);
}

} // namespace runnel::fs
