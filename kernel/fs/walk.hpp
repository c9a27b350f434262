// SPDX-License-Identifier: Apache-2.0
// From text to a place in the tree.
#pragma once

#include "kernel/fs/inode.hpp"

namespace runnel::fs {

/// Where a process sees the tree from; shared under CLONE_FS, copied by fork.
class FsContext final : public RefCounted {
 public:
  FsContext(Path root, Path cwd) : root_(std::move(root)), cwd_(std::move(cwd)) {}
  /// Empty when memory is out. At the root of everything.
  static RefPtr<FsContext> create();
  RefPtr<FsContext> copy();

  Path root();
  Path cwd();
  void set_root(Path path);
  void set_cwd(Path path);
  std::atomic<u32> umask{022};

 private:
  Mutex lock_;
  Path root_, cwd_;
};

/// Where a walk starts: `/` and, for relative paths, `here`.
struct WalkBase {
  Path root;
  Path here;
};

enum WalkFlag : u32 {
  kFollow = 1,     // the last component too, if it is a symbolic link
  kMayMiss = 2,    // the last component need not be there
  kNoSymlinks = 4, // RESOLVE_NO_SYMLINKS
  kMustBeDirectory = 8,
};

/// What a walk ends at.
struct Found {
  Path parent;                  // the last directory; of "/" and of jumps: the place itself
  Path path;                    // empty: not there (kMayMiss)
  char name[kMaxName + 1] = {}; // the last component
  usize name_size = 0;          // 0: the path ended in "/", "." or "..", or jumped
  bool slash_after = false;
  bool dots = false; // it ended in "." (name_size 1 would lie) or ".."
  std::string_view name_text() const { return {name, name_size}; }
};

/// kNOENT (also for the empty path), kNOTDIR, kACCES, kLOOP, kNAMETOOLONG, kNOMEM. Thread context; `text` is
/// kernel memory.
Result<Found> walk(const WalkBase& base, std::string_view text, u32 flags);

/// Crosses to what is mounted on top of `path` / leaves the roots of mounts. tree_lock held.
void enter_mounts(Path& path) REQUIRES(tree_lock);
/// One directory up, not beyond `root`. tree_lock held.
void climb(Path& path, const Path& root) REQUIRES(tree_lock);

/// Mounts `sb` at `at` (null: as the root of everything). `where` and `source` are for /proc/mounts. kNOMEM.
Result<RefPtr<Mount>> mount(Superblock& sb, const Path& at, std::string_view source, std::string_view where);
/// Takes the mount out of the tree.
void unmount(Mount& mount);
/// The root of everything, as init sees it. Empty before init_root(), which sets it once.
Path root_path();
void set_root_path(Path path);
Mount* first_mount() REQUIRES(tree_lock);

/// The text of `path` as seen from `root` at the end of `buffer`: "/a/b". kNAMETOOLONG. `unlinked` tells
/// whether a name on the way is gone; `reachable` whether it lies below root.
struct PathName {
  std::string_view text;
  bool unlinked = false;
  bool reachable = true;
};
Result<PathName> name_of(const Path& path, const Path& root, std::span<char> buffer);

} // namespace runnel::fs
