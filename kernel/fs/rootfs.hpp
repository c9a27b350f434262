// SPDX-License-Identifier: Apache-2.0
// The tree the first process sees: a file system in memory with what the initial ram disk holds, /dev, /proc,
// /sys, /tmp and /dev/shm.
#pragma once

#include "kernel/fs/cpio.hpp"
#include "kernel/fs/tmpfs.hpp"
#include "kernel/fs/walk.hpp"

namespace runnel::fs {

/// Makes the tree and mounts it, once. False, and why: a damaged archive (with the offset), or no memory; the
/// tree is then made without what could not be read. An empty archive is none.
bool init_root(std::span<const std::byte> initrd, Sink& why);

/// Puts the archive's files under `root`; missing directories on the way are made. False, and why.
bool unpack(const Path& root, std::span<const std::byte> archive, Sink& why);

/// Nodes of /dev in the directory `dev`. kNOMEM, kEXIST.
Result<> make_devices(const Path& dev);

/// The file system of nameless files (memfd); after init_root().
Tmpfs& shared_memory();

} // namespace runnel::fs
