// SPDX-License-Identifier: Apache-2.0
// Walking a chain of frame pointers without trusting it. On every architecture we know, a frame pointer
// points at { the caller's frame pointer, the return address }.
#pragma once

#include "kernel/lib/types.hpp"

#include <span>

namespace runnel::debug {

/// Memory that may be read as a stack: [low, high).
struct StackBounds {
  u64 low = 0;
  u64 high = 0;
  constexpr bool contains(u64 address, u64 size) const {
    return address >= low && address < high && high - address >= size;
  }
};

/// One caller; of a recursion, all its direct rounds at once.
struct Frame {
  u64 return_address = 0;
  u32 times = 1;
};

struct FrameWalk {
  usize count = 0; // frames found
  u64 left_at = 0; // the frame pointer that led out of the stack; 0: the chain ended as chains should
};

/// Callers from `frame` outwards into `out`, as long as every frame lies in `bounds`, aligned, and
/// further out than the one before. Reads nothing outside `bounds`.
FrameWalk walk_frames(u64 frame, StackBounds bounds, std::span<Frame> out);

} // namespace runnel::debug
