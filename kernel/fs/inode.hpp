// SPDX-License-Identifier: Apache-2.0
// The tree of names: inodes, the entries (dentries) that name them, file systems and where they are mounted.
//
// One sleeping lock, tree_lock, covers the shape of all trees: who is whose child, names, mounts. An inode's
// own lock covers its attributes and content. Order: tree_lock, then inode locks. User memory is never
// touched under tree_lock.
#pragma once

#include "kernel/fs/file.hpp"
#include "kernel/lib/rbtree.hpp"

#include <string_view>

namespace runnel::fs {

class Inode;
class Pipe;
class Superblock;

inline constexpr usize kMaxName = 255;
inline constexpr usize kMaxPath = 4096; // with the NUL
inline constexpr u32 kMaxLinks = 40;    // symbolic links followed in one walk

extern constinit Mutex tree_lock;

/// A name in a directory; the root of a file system has no parent and no name.
class Dentry final : public RefCounted {
 public:
  Dentry() = default; // create() makes them
  /// Empty when memory is out.
  static RefPtr<Dentry> create(std::string_view name, RefPtr<Dentry> parent, RefPtr<Inode> inode);
  ~Dentry() override;

  Inode& inode() const { return *inode_; }
  // tree_lock
  std::string_view name() const { return {name_, name_size_}; }
  const RefPtr<Dentry>& parent() const { return parent_; }
  /// Its directory does not list it any more.
  bool is_unlinked() const { return unlinked_; }
  void set_unlinked() { unlinked_ = true; }
  /// rename: kNOMEM, nothing changed.
  Result<> move(std::string_view name, RefPtr<Dentry> parent);
  static void exchange_places(Dentry& a, Dentry& b);

  u32 mounts = 0; // file systems mounted here; tree_lock

  // What a file system keeps of its entries: tree_lock.
  RbNode by_name;
  RbNode by_cookie;
  u64 cookie = 0;

 private:
  static char* copy_name(std::string_view name);

  char* name_ = nullptr;
  usize name_size_ = 0;
  bool unlinked_ = false;
  RefPtr<Dentry> parent_;
  RefPtr<Inode> inode_;
};

/// A file system mounted somewhere. Mount namespaces (ns/) will own these; there is one tree for all now.
struct Mount final : public RefCounted {
  u64 id = 0;
  Superblock* sb = nullptr; // lives as long as the mount
  RefPtr<Dentry> root;
  RefPtr<Mount> parent;  // null: the root of the tree
  RefPtr<Dentry> at;     // in the parent
  Mount* next = nullptr; // all mounts; tree_lock
  char source[16] = {};
  char where[32] = {}; // for /proc/mounts
};

/// A place in the tree.
struct Path {
  RefPtr<Mount> mount;
  RefPtr<Dentry> dentry;
  Inode& inode() const { return dentry->inode(); }
  explicit operator bool() const { return static_cast<bool>(dentry); }
  bool operator==(const Path&) const = default;
};

/// Where a symbolic link leads: text to walk, or (a "magic" link of proc) the place or object itself.
struct LinkTarget {
  char* text = nullptr; // kMaxPath bytes of the caller's, filled
  usize size = 0;
  bool is_jump = false;
  Path jump;
};

enum class Change : u32 { kMode = 1, kUid = 2, kGid = 4, kAtime = 8, kMtime = 16 };
struct AttributeChange {
  u32 what = 0; // Change bits
  u32 mode = 0, uid = 0, gid = 0;
  i64 atime = 0, mtime = 0;
  bool has(Change c) const { return (what & static_cast<u32>(c)) != 0; }
};

/// A file, whatever its names. File systems derive from it. Functions with a Dentry `dir` run under
/// tree_lock, the others without; none is called with a spinlock held.
class Inode : public RefCounted {
 public:
  Inode(Superblock& superblock, u32 file_mode);

  u32 type() const { return mode() & kTypeMask; }
  bool is_directory() const { return type() == kTypeDirectory; }
  bool is_symlink() const { return type() == kTypeSymlink; }
  u32 mode() const { return mode_.load(std::memory_order_relaxed); }

  /// kNOENT: no such name. For directories only.
  virtual Result<RefPtr<Dentry>> lookup(Dentry& dir, std::string_view name);
  /// A new file of the type and permissions `file_mode` (regular, directory, fifo, device `rdev`); the name
  /// is not there. kROFS, kPERM, kNOMEM.
  virtual Result<RefPtr<Dentry>> create(Dentry& dir, std::string_view name, u32 file_mode, u64 rdev);
  virtual Result<RefPtr<Dentry>> symlink(Dentry& dir, std::string_view name, std::string_view target);
  virtual Result<> link(Dentry& dir, std::string_view name, Inode& file);
  /// `entry` is one of this directory's and no directory / an empty or full directory, nothing mounted there.
  virtual Result<> unlink(Dentry& dir, Dentry& entry);
  virtual Result<> rmdir(Dentry& dir, Dentry& entry);
  /// `entry` of this directory becomes `name` in `to` (same file system), in place of `replaced` if that is
  /// not null; types fit, a replaced directory is empty.
  virtual Result<> rename(Dentry& dir, Dentry& entry, Dentry& to, std::string_view name, Dentry* replaced);
  /// The exchange of two entries.
  virtual Result<> exchange(Dentry& a, Dentry& b);
  virtual bool is_empty_directory() { return true; }

  /// Opens it; access was checked. Directories and regular files are the file system's, device nodes and
  /// fifos go through open_device().
  virtual Result<FilePtr> open(const Path& path, u32 flags) = 0;
  /// kINVAL: no symbolic link.
  virtual Result<> read_link(LinkTarget& target);
  virtual void stat(Stat& to);
  virtual Result<> change(const AttributeChange& change);
  virtual Result<> truncate(u64 size);
  /// Of a new one that nobody sees yet.
  void set_ids(u32 uid, u32 gid) { uid_ = uid, gid_ = gid; }

  Superblock& sb;
  const u64 number;
  std::atomic<FileLocks*> locks{nullptr}; // kernel/fs/file_locks.cpp
  Pipe* fifo = nullptr;                   // of a fifo that is open: kernel/fs/pipe.cpp, under its lock

 protected:
  ~Inode() override;
  void touch(); // mtime and ctime, with lock_

  Mutex lock_;
  std::atomic<u32> mode_;
  u32 uid_ = 0, gid_ = 0;
  u64 links_ = 1;
  u64 rdev_ = 0;
  i64 atime_ = 0, mtime_ = 0, ctime_ = 0, btime_ = 0;
};

class Superblock {
 public:
  Superblock(std::string_view type, u64 magic, u32 device)
      : type_name(type), magic_(magic), device_(device) {}
  Superblock(const Superblock&) = delete;
  Superblock& operator=(const Superblock&) = delete;

  virtual void statfs(FsStat& to) const { to.magic = magic_; }
  u64 device() const { return device_; }
  u64 next_inode() { return last_inode_.fetch_add(1, std::memory_order_relaxed) + 1; }

  const std::string_view type_name;
  RefPtr<Dentry> root;

 protected:
  ~Superblock() = default;

 private:
  u64 magic_;
  u64 device_;
  std::atomic<u64> last_inode_{0};
};

/// What may be done: bits as in access(2).
enum Access : u32 { kMayExec = 1, kMayWrite = 2, kMayRead = 4 };
/// kACCES unless the current thread may do `access` to the inode by its mode.
Result<> check_access(Inode& inode, u32 access);

} // namespace runnel::fs
