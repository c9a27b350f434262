// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/io_buffer.hpp"

#include "kernel/fs/seams.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::fs {

IoBuffer::IoBuffer(std::span<const IoSegment> segments, IoSpace space) : segments_(segments), space_(space) {
  for (const IoSegment& segment : segments) left_ += segment.size;
}

/// `copy(address, done, n)` copies n bytes and returns how many it could not.
template <typename Copy> usize IoBuffer::walk(usize size, Copy copy) {
  usize done = 0;
  size = static_cast<usize>(std::min<u64>(size, left_));
  while (done < size) {
    const IoSegment& segment = segments_.front();
    const usize n = std::min<usize>(size - done, segment.size - offset_);
    const usize missing = n == 0 ? 0 : copy(segment.base + offset_, done, n);
    done += n - missing;
    offset_ += n - missing;
    if (missing != 0) break;
    if (offset_ == segment.size) {
      segments_ = segments_.subspan(1);
      offset_ = 0;
    }
  }
  left_ -= done;
  done_ += done;
  return done;
}

usize IoBuffer::put(const void* from, usize size) {
  const auto* bytes = static_cast<const std::byte*>(from);
  if (space_ == IoSpace::kUser)
    return walk(size, [bytes](u64 to, usize at, usize n) { return seams.copy_to_user(to, bytes + at, n); });
  return walk(size, [bytes](u64 to, usize at, usize n) {
    std::memcpy(reinterpret_cast<void*>(to), bytes + at, n);
    return usize{0};
  });
}

usize IoBuffer::put_zeros(usize size) {
  static constexpr std::byte kZeros[256] = {};
  usize done = 0;
  while (done < size && left_ != 0) {
    const usize want = static_cast<usize>(std::min<u64>({size - done, left_, sizeof kZeros}));
    const usize n = put(kZeros, want);
    done += n;
    if (n < want) break;
  }
  return done;
}

usize IoBuffer::take(void* to, usize size) {
  auto* bytes = static_cast<std::byte*>(to);
  if (space_ == IoSpace::kUser)
    return walk(size,
                [bytes](u64 from, usize at, usize n) { return seams.copy_from_user(bytes + at, from, n); });
  return walk(size, [bytes](u64 from, usize at, usize n) {
    std::memcpy(bytes + at, reinterpret_cast<const void*>(from), n);
    return usize{0};
  });
}

} // namespace runnel::fs
