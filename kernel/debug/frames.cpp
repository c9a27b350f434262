// SPDX-License-Identifier: Apache-2.0
#include "kernel/debug/frames.hpp"

namespace runnel::debug {

FrameWalk walk_frames(u64 frame, StackBounds bounds, std::span<Frame> out) {
  struct Record {
    u64 caller_frame;
    u64 return_address;
  };
  FrameWalk walk;
  for (;;) {
    if (frame % alignof(Record) != 0 || !bounds.contains(frame, sizeof(Record))) {
      walk.left_at = frame;
      return walk;
    }
    const Record record = *reinterpret_cast<const Record*>(frame);
    if (record.return_address == 0) return walk;
    if (walk.count != 0 && out[walk.count - 1].return_address == record.return_address) {
      ++out[walk.count - 1].times;
    } else {
      if (walk.count == out.size()) return walk;
      out[walk.count++] = {record.return_address, 1};
    }
    if (record.caller_frame == 0) return walk;
    bounds.low = frame + sizeof(Record); // only outwards: a loop cannot be followed twice
    frame = record.caller_frame;
  }
  return walk;
}

} // namespace runnel::debug
