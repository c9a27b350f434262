// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/user_buffer.hpp"

#include "kernel/user/uaccess.hpp"

#include <algorithm>

namespace runnel::user {

UserBuffer::UserBuffer(std::span<const UserRange> ranges) : ranges_(ranges) {
  for (const UserRange& range : ranges) left_ += std::min(range.size, kMaxTransfer - left_);
}

/// copy(user address, offset in the kernel's buffer, bytes) gives the number of bytes it copied.
template <typename Copy> usize UserBuffer::move(usize size, Copy copy) {
  size = std::min<u64>(size, left_);
  usize done = 0;
  while (done < size) {
    const UserRange& range = ranges_.front();
    const usize chunk = std::min<u64>(size - done, range.size - offset_);
    const usize copied = copy(range.address + offset_, done, chunk);
    done += copied;
    offset_ += copied;
    if (copied < chunk) break;
    if (offset_ == range.size) {
      ranges_ = ranges_.subspan(1);
      offset_ = 0;
    }
  }
  left_ -= done;
  return done;
}

usize UserBuffer::take(void* to, usize size) {
  return move(size, [to](u64 from, usize at, usize n) {
    return copy_from_user_some(static_cast<char*>(to) + at, from, n);
  });
}

usize UserBuffer::give(const void* from, usize size) {
  return move(size, [from](u64 to, usize at, usize n) {
    return copy_to_user_some(to, static_cast<const char*>(from) + at, n);
  });
}

} // namespace runnel::user
