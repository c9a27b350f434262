// SPDX-License-Identifier: Apache-2.0
// Pipes and socket pairs: order, ends, atomic writes, waiting.
#include "kernel/fs/pipe.hpp"
#include "kernel/fs/socket.hpp"
#include "tests/target/threads.hpp"

#include <algorithm>

namespace runnel {
namespace {

using namespace fs;

Result<usize> put(File& file, const void* from, usize size) {
  IoBuffer buffer(from, size);
  return file.write(buffer);
}
Result<usize> get(File& file, void* to, usize size) {
  IoBuffer buffer(to, size);
  return file.read(buffer);
}

RUNNEL_TEST(fs, pipe_carries_bytes_in_order, .limit = 5_s)
{
  auto pipe = create_pipe(kNonBlock);
  REQUIRE(pipe.has_value());
  char text[8] = {};
  CHECK(get(*pipe->reader, text, 8).error() == Errno::kAGAIN);
  CHECK(pipe->reader->poll(nullptr) == 0u);
  CHECK(pipe->writer->poll(nullptr) == kPollWritable);
  CHECK(*put(*pipe->writer, "abc", 3) == 3u);
  CHECK(*put(*pipe->writer, "de", 2) == 2u);
  CHECK(pipe->reader->poll(nullptr) == kPollReadable);
  CHECK(*get(*pipe->reader, text, 4) == 4u);
  CHECK(std::string_view(text, 4) == "abcd");
  CHECK(put(*pipe->reader, "x", 1).error() == Errno::kBADF);
  CHECK(get(*pipe->writer, text, 1).error() == Errno::kBADF);
  CHECK(pipe->reader->seek(0, Whence::kSet).error() == Errno::kSPIPE);
  pipe->writer.reset();
  CHECK(*get(*pipe->reader, text, 8) == 1u); // what is left, then the end
  CHECK(*get(*pipe->reader, text, 8) == 0u);
  CHECK(pipe->reader->poll(nullptr) == kPollHup);
}

RUNNEL_TEST(fs, pipe_without_reader_breaks, .limit = 5_s)
{
  auto pipe = create_pipe(0);
  REQUIRE(pipe.has_value());
  pipe->reader.reset();
  CHECK((pipe->writer->poll(nullptr) & kPollErr) != 0u);
  CHECK(put(*pipe->writer, "x", 1).error() == Errno::kPIPE);
}

RUNNEL_TEST(fs, pipe_holds_64k_and_writes_up_to_4096_whole, .limit = 5_s)
{
  auto pipe = create_pipe(kNonBlock);
  REQUIRE(pipe.has_value());
  static constinit char block[4096];
  for (u32 i = 0; i < 16; ++i) CHECK(*put(*pipe->writer, block, 4096) == 4096u);
  CHECK(put(*pipe->writer, block, 1).error() == Errno::kAGAIN);
  CHECK(pipe->writer->poll(nullptr) == 0u);
  CHECK(*get(*pipe->reader, block, 100) == 100u);
  CHECK(put(*pipe->writer, block, 101).error() == Errno::kAGAIN); // whole or not at all
  CHECK(*put(*pipe->writer, block, 100) == 100u);
  CHECK(*get(*pipe->reader, block, 4096) == 4096u);
  for (u32 i = 0; i < 15; ++i) CHECK(*get(*pipe->reader, block, 4096) == 4096u);
  CHECK(get(*pipe->reader, block, 1).error() == Errno::kAGAIN);
}

/// A writer of numbers and a reader that wants them in order, through every size of piece.
void stream(File& from, File& to, u32 total) {
  std::atomic<u32> wrong{0};
  test::run_threads(2, [&](u32 i) {
    if (i == 0) {
      u32 next = 0;
      u32 piece[300];
      for (u32 n = 1; next < total; n = n % 300 + 1) {
        const u32 count = std::min(n, total - next);
        for (u32 k = 0; k < count; ++k) piece[k] = next + k;
        const auto done = put(to, piece, count * sizeof(u32));
        if (!done || *done != count * sizeof(u32)) wrong.fetch_add(1);
        next += count;
      }
      return;
    }
    u32 next = 0;
    char bytes[1000];
    usize have = 0;
    while (next < total) {
      const auto n = get(from, bytes + have, sizeof bytes - have);
      if (!n || *n == 0) {
        wrong.fetch_add(1);
        return;
      }
      have += *n;
      usize at = 0;
      for (; at + sizeof(u32) <= have; at += sizeof(u32)) {
        u32 value;
        std::copy_n(bytes + at, sizeof value, reinterpret_cast<char*>(&value));
        if (value != next++) wrong.fetch_add(1);
      }
      std::copy(bytes + at, bytes + have, bytes);
      have -= at;
    }
  });
  CHECK(wrong.load() == 0u);
}

RUNNEL_TEST(fs, pipe_between_two_threads, .limit = 20_s)
{
  const auto pipe = create_pipe(0);
  REQUIRE(pipe.has_value());
  stream(*pipe->reader, *pipe->writer, 50'000);
}

RUNNEL_TEST(fs, socket_pair_between_two_threads, .limit = 20_s)
{
  const auto pair = create_socket_pair(SocketType::kStream, 0);
  REQUIRE(pair.has_value());
  stream(*pair->a, *pair->b, 50'000);
}

RUNNEL_TEST(fs, pipe_with_many_writers_and_readers_loses_nothing, .cpus = 2, .limit = 30_s)
{
  auto pipe = create_pipe(0);
  REQUIRE(pipe.has_value());
  std::atomic<u32> sum{0}, writers_left{4};
  constexpr u32 kEach = 500;
  test::run_threads(7, [&](u32 i) {
    if (i < 4) {
      char message[97];
      std::fill_n(message, sizeof message, static_cast<char>('a' + i));
      for (u32 n = 0; n < kEach; ++n)
        if (put(*pipe->writer, message, sizeof message).value_or(0) != sizeof message)
          sum.fetch_add(1'000'000);
      if (writers_left.fetch_sub(1) == 1) pipe->writer.reset();
      return;
    }
    char message[97];
    for (;;) {
      const auto n = get(*pipe->reader, message, sizeof message);
      if (n && *n == 0) return;
      // All writes are of one size and the ring's pages are read whole: a message is never mixed.
      if (!n) {
        sum.fetch_add(1'000'000);
        return;
      }
      sum.fetch_add(static_cast<u32>(*n));
    }
  });
  CHECK(sum.load() == 4 * kEach * 97);
}

RUNNEL_TEST(fs, seqpacket_keeps_packets_apart, .limit = 5_s)
{
  auto pair = create_socket_pair(SocketType::kSeqPacket, kNonBlock);
  REQUIRE(pair.has_value());
  CHECK(*put(*pair->a, "hello", 5) == 5u);
  CHECK(*put(*pair->a, "world!", 6) == 6u);
  char text[16] = {};
  auto& socket = *SocketFile::from(*pair->b);
  IoBuffer look(text, 2);
  const auto peeked = socket.receive(look, kMsgPeek);
  REQUIRE(peeked.has_value());
  CHECK(peeked->size == 2u);
  CHECK(peeked->flags == kMsgTruncated);
  CHECK(*get(*pair->b, text, 3) == 3u); // the rest of the packet is gone
  CHECK(*get(*pair->b, text, 16) == 6u);
  CHECK(std::string_view(text, 6) == "world!");
  CHECK(get(*pair->b, text, 16).error() == Errno::kAGAIN);
  CHECK(put(*pair->a, text, 100'000).error() == Errno::kMSGSIZE);
}

RUNNEL_TEST(fs, sockets_end, .limit = 5_s)
{
  auto pair = create_socket_pair(SocketType::kStream, 0);
  REQUIRE(pair.has_value());
  CHECK(*put(*pair->a, "last", 4) == 4u);
  SocketFile::from(*pair->a)->shutdown(Shutdown::kWrite);
  CHECK(put(*pair->a, "x", 1).error() == Errno::kPIPE);
  char text[8];
  CHECK(*get(*pair->b, text, 8) == 4u);
  CHECK(*get(*pair->b, text, 8) == 0u);
  CHECK(*put(*pair->b, "back", 4) == 4u); // the other direction goes on
  CHECK(*get(*pair->a, text, 8) == 4u);
  pair->b.reset();
  CHECK((pair->a->poll(nullptr) & kPollHup) != 0u);
  CHECK(*get(*pair->a, text, 8) == 0u);
}

} // namespace
} // namespace runnel
