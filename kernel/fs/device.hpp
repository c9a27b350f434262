// SPDX-License-Identifier: Apache-2.0
// Device nodes: what opening one gives.
#pragma once

#include "kernel/fs/inode.hpp"

namespace runnel::fs {

inline constexpr u64 kDevNull = make_device(1, 3), kDevZero = make_device(1, 5), kDevFull = make_device(1, 7),
                     kDevRandom = make_device(1, 8), kDevUrandom = make_device(1, 9),
                     kDevTty = make_device(5, 0), kDevConsole = make_device(5, 1),
                     kDevCpuLatency = make_device(10, 62);

/// Opens the character device behind the node at `path`. kNXIO: there is none.
Result<FilePtr> open_device(const Path& path, u64 rdev, u32 flags);

/// Random bytes: a generator seeded with `seed=`, so that a deterministic run stays one. Not for secrets.
void random_bytes(std::span<std::byte> to);

} // namespace runnel::fs
