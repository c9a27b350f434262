// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/byte_ring.hpp"

#include "kernel/fs/file.hpp"
#include "kernel/mm/kmalloc.hpp"

#include <algorithm>

namespace runnel::fs {

Result<usize> ByteRing::put(IoBuffer& from, u64 size) {
  size = std::min({size, room(), from.left()});
  usize done = 0;
  while (done < size) {
    const u64 at = put_.load(std::memory_order_relaxed);
    std::byte*& page = page_of(at);
    if (page == nullptr) {
      page = spare_ != nullptr ? std::exchange(spare_, nullptr)
                               : static_cast<std::byte*>(mm::kmalloc(kPageSize));
      if (page == nullptr) return transferred(done, Errno::kNOMEM);
    }
    const usize offset = at % kPageSize;
    const usize n = static_cast<usize>(std::min<u64>(kPageSize - offset, size - done));
    const usize copied = from.take(page + offset, n);
    put_.store(at + copied, std::memory_order_release); // pairs with the acquire in used()
    done += copied;
    if (copied < n) return transferred(done, Errno::kFAULT);
  }
  return done;
}

Result<usize> ByteRing::peek(IoBuffer& to, u64 offset, u64 size) {
  size = std::min({size, used() - std::min(offset, used()), to.left()});
  usize done = 0;
  while (done < size) {
    const u64 at = got_.load(std::memory_order_relaxed) + offset + done;
    const usize in_page = at % kPageSize;
    const usize n = static_cast<usize>(std::min<u64>(kPageSize - in_page, size - done));
    const usize copied = to.put(page_of(at) + in_page, n);
    done += copied;
    if (copied < n) return transferred(done, Errno::kFAULT);
  }
  return done;
}

Result<usize> ByteRing::take(IoBuffer& to, u64 size) {
  const Result<usize> n = peek(to, 0, size);
  if (n) discard(*n);
  return n;
}

void ByteRing::discard(u64 size) {
  size = std::min(size, used());
  while (size > 0) {
    const u64 at = got_.load(std::memory_order_relaxed);
    const u64 n = std::min<u64>(kPageSize - at % kPageSize, size);
    got_.store(at + n, std::memory_order_release); // pairs with the acquire in used()
    size -= n;
    // A nearly full ring ends in the front part of the page it began in.
    if ((at + n) % kPageSize != 0 || used() > kCapacity - kPageSize) continue;
    std::byte*& page = page_of(at);
    release_spare();
    spare_ = std::exchange(page, nullptr);
  }
  // Empty: the page in use is needed no more, and the next bytes may as well begin a fresh one.
  if (used() != 0) return;
  const u64 at = got_.load(std::memory_order_relaxed);
  if (at % kPageSize == 0) return;
  std::byte*& page = page_of(at);
  if (page == nullptr) return;
  release_spare();
  spare_ = std::exchange(page, nullptr);
}

void ByteRing::clear() {
  discard(used());
  release_spare();
  for (std::byte*& page : pages_) { // of what was put and taken back
    mm::kfree(page);
    page = nullptr;
  }
}

void ByteRing::release_spare() {
  mm::kfree(spare_);
  spare_ = nullptr;
}

} // namespace runnel::fs
