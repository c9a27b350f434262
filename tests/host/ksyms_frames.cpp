// SPDX-License-Identifier: Apache-2.0
// kernel/debug/frames: chains of frame pointers that are good, end, loop, or lead away.
#include "kernel/debug/frames.hpp"

#include <catch2/catch.hpp>
#include <vector>

using runnel::u64;
using runnel::debug::Frame;
using runnel::debug::FrameWalk;
using runnel::debug::StackBounds;
using runnel::debug::walk_frames;

namespace {

struct Stack {
  std::vector<u64> words = std::vector<u64>(64);
  u64 at(std::size_t word) const { return reinterpret_cast<u64>(words.data() + word); }
  StackBounds bounds() const { return {at(0), at(64)}; }
  void frame(std::size_t word, u64 caller, u64 return_address) {
    words[word] = caller;
    words[word + 1] = return_address;
  }
};

} // namespace

TEST_CASE("frames: a chain that ends in zero", "[ksyms]") {
  Stack stack;
  stack.frame(2, stack.at(10), 0x111);
  stack.frame(10, stack.at(40), 0x222);
  stack.frame(40, 0, 0x333);
  std::vector<Frame> out(8);
  const FrameWalk walk = walk_frames(stack.at(2), stack.bounds(), out);
  CHECK(walk.count == 3);
  CHECK(walk.left_at == 0);
  CHECK(out[0].return_address == 0x111);
  CHECK(out[2].return_address == 0x333);
}

TEST_CASE("frames: a zero return address ends the chain", "[ksyms]") {
  Stack stack;
  stack.frame(2, stack.at(10), 0x111);
  stack.frame(10, stack.at(20), 0);
  std::vector<Frame> out(8);
  CHECK(walk_frames(stack.at(2), stack.bounds(), out).count == 1);
}

TEST_CASE("frames: loops and steps inwards end it", "[ksyms]") {
  Stack stack;
  stack.frame(10, stack.at(10), 0x111);
  std::vector<Frame> out(8);
  CHECK(walk_frames(stack.at(10), stack.bounds(), out).count == 1);
  stack.frame(20, stack.at(10), 0x222);
  CHECK(walk_frames(stack.at(20), stack.bounds(), out).count == 1);
}

TEST_CASE("frames: nothing outside the stack is read", "[ksyms]") {
  Stack stack;
  std::vector<Frame> out(8);
  for (const u64 frame :
       {u64{0}, u64{8}, stack.at(0) - 16, stack.at(63), stack.at(64), stack.at(2) + 1, ~u64{0} - 7}) {
    const FrameWalk walk = walk_frames(frame, stack.bounds(), out);
    CHECK(walk.count == 0);
    CHECK(walk.left_at == frame);
  }
  stack.frame(62, stack.at(70), 0x111);
  const FrameWalk walk = walk_frames(stack.at(62), stack.bounds(), out);
  CHECK(walk.count == 1);
  CHECK(walk.left_at == stack.at(70));
}

TEST_CASE("frames: no more than asked for", "[ksyms]") {
  Stack stack;
  for (std::size_t i = 0; i + 4 < 64; i += 2) stack.frame(i, stack.at(i + 2), 0x100 + i);
  std::vector<Frame> out(3);
  CHECK(walk_frames(stack.at(0), stack.bounds(), out).count == 3);
}

TEST_CASE("frames: a recursion is one frame with a count, and what called it is still found", "[ksyms]") {
  Stack stack;
  for (std::size_t i = 0; i < 40; i += 2) stack.frame(i, stack.at(i + 2), 0x111);
  stack.frame(40, stack.at(50), 0x222);
  stack.frame(50, 0, 0x333);
  std::vector<Frame> out(3);
  CHECK(walk_frames(stack.at(0), stack.bounds(), out).count == 3);
  CHECK(out[0].times == 20);
  CHECK(out[1].times == 1);
  CHECK(out[2].return_address == 0x333);
}
