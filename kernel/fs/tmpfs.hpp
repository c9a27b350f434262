// SPDX-License-Identifier: Apache-2.0
// A file system in memory: the root, /tmp, /dev, memfd.
#pragma once

#include "kernel/fs/inode.hpp"

namespace runnel::fs {

class Tmpfs final : public Superblock {
 public:
  /// An empty one with a root directory of these permissions; nullptr: no memory.
  static Tmpfs* create(u32 root_mode);
  /// Nothing is mounted from it any more; files still open live on until they are closed, and the file system
  /// must outlive them.
  static void destroy(Tmpfs* fs);

  void statfs(FsStat& to) const override;
  /// A regular file without a name; kNOMEM.
  Result<RefPtr<Inode>> nameless(u32 permissions);

  // Public for knew/kdelete only.
  Tmpfs();
  ~Tmpfs() = default;
};

/// memfd_create: an open nameless file of `fs`, shown as /memfd:NAME. kNOMEM, kINVAL: the name is too long.
Result<FilePtr> create_memfd(Tmpfs& fs, std::string_view name, u32 flags);

} // namespace runnel::fs
