// SPDX-License-Identifier: Apache-2.0
// Inodes of tmpfs.
#pragma once

#include "kernel/fs/file_content.hpp"
#include "kernel/fs/tmpfs.hpp"
#include "kernel/lib/rbtree.hpp"

namespace runnel::fs {

class TmpDirectory final : public Inode {
 public:
  TmpDirectory(Superblock& superblock, u32 mode) : Inode(superblock, mode) { links_ = 2; }
  ~TmpDirectory() override;

  Result<RefPtr<Dentry>> lookup(Dentry& dir, std::string_view name) override;
  Result<RefPtr<Dentry>> create(Dentry& dir, std::string_view name, u32 mode, u64 rdev) override;
  Result<RefPtr<Dentry>> symlink(Dentry& dir, std::string_view name, std::string_view target) override;
  Result<> link(Dentry& dir, std::string_view name, Inode& file) override;
  Result<> unlink(Dentry& dir, Dentry& entry) override;
  Result<> rmdir(Dentry& dir, Dentry& entry) override;
  Result<> rename(Dentry& dir, Dentry& entry, Dentry& to, std::string_view name, Dentry* replaced) override;
  Result<> exchange(Dentry& a, Dentry& b) override;
  bool is_empty_directory() override { return names_.empty(); }
  Result<FilePtr> open(const Path& path, u32 flags) override;
  void stat(Stat& to) override;

  /// Entries from `cookie` on, tree_lock held.
  void list(DirSink& sink, u64& cookie);
  /// Takes every entry out, those of subdirectories too.
  void clear();

 private:
  static bool name_less(const Dentry& a, const Dentry& b) { return a.name() < b.name(); }
  static bool cookie_less(const Dentry& a, const Dentry& b) { return a.cookie < b.cookie; }
  Dentry* find(std::string_view name);
  Result<RefPtr<Dentry>> add(Dentry& dir, std::string_view name, RefPtr<Inode> inode);
  void insert(Dentry& entry);
  void remove(Dentry& entry);
  void count_links(i32 change);

  // tree_lock; each entry has a reference.
  RbTree<Dentry, &Dentry::by_name, name_less> names_;
  RbTree<Dentry, &Dentry::by_cookie, cookie_less> order_;
  u64 last_cookie_ = 1; // 0 and 1 are "." and ".."
  u64 nr_entries_ = 0;
};

/// Everything that is no directory: regular files, symbolic links, device nodes and fifos.
class TmpNode final : public Inode {
 public:
  TmpNode(Superblock& superblock, u32 mode, u64 rdev) : Inode(superblock, mode) { rdev_ = rdev; }
  ~TmpNode() override;
  /// The content of a regular file (none yet: kNOMEM) or the text of a link.
  Result<> prepare(std::string_view target);

  Result<FilePtr> open(const Path& path, u32 flags) override;
  Result<> read_link(LinkTarget& target) override;
  void stat(Stat& to) override;
  Result<> truncate(u64 size) override;

  FileContent& content() { return *content_; }
  Result<usize> read(IoBuffer& to, u64& position);
  Result<usize> write(IoBuffer& from, u64& position, u32 flags);
  void count_links(i32 change);

 private:
  FileContent* content_ = nullptr;
  char* target_ = nullptr;
  usize target_size_ = 0;
};

} // namespace runnel::fs
