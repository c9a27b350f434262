// SPDX-License-Identifier: Apache-2.0
// What the calls on names do: open, make, remove, rename, link. Errors are Linux's. Text is kernel memory.
#pragma once

#include "kernel/fs/walk.hpp"

namespace runnel::fs {

/// `permissions` of a file that is created, with the umask already taken off. `flags`: OpenFlag.
Result<FilePtr> open(const WalkBase& base, std::string_view text, u32 flags, u32 permissions);
/// The file at a place that was found before; `flags` without creation.
Result<FilePtr> open_path(const Path& path, u32 flags);

/// mknod and mkdir: a regular file, fifo, device or directory.
Result<> make_node(const WalkBase& base, std::string_view text, u32 mode, u64 rdev);
Result<> make_symlink(const WalkBase& base, std::string_view text, std::string_view target);
/// `flags`: kFollow for what the link is made to.
Result<> make_link(const WalkBase& from_base, std::string_view from, const WalkBase& to_base,
                   std::string_view to, u32 flags);
Result<> link_to(const Path& file, const WalkBase& to_base, std::string_view to);
Result<> remove_file(const WalkBase& base, std::string_view text);
Result<> remove_directory(const WalkBase& base, std::string_view text);

enum RenameFlag : u32 { kRenameNoReplace = 1, kRenameExchange = 2 };
Result<> rename(const WalkBase& from_base, std::string_view from, const WalkBase& to_base,
                std::string_view to, u32 flags);

/// What a symbolic link says, for readlink: into `buffer`, cut. `root`: for links that are places.
Result<usize> read_link(const Path& link, const Path& root, std::span<char> buffer);
/// truncate by name; chmod and friends go to the inode itself.
Result<> truncate(const Path& path, u64 size);

} // namespace runnel::fs
