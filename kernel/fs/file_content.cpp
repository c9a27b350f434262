// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/file_content.hpp"

#include "kernel/fs/file.hpp"
#include "kernel/mm/address.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/mm/user_page.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::fs {

FileContent* FileContent::create(u64 inode) { return mm::knew<FileContent>(inode); }

void FileContent::destroy() {
  {
    const MutexGuard guard(lock_);
    drop_from(0);
  }
  mm::kdelete(this);
}

void FileContent::set_name(std::string_view name) {
  name = name.substr(0, sizeof name_);
  std::memcpy(name_, name.data(), name.size());
  name_size_ = name.size();
}

FileContent::Chunk* FileContent::find(u64 index) {
  const u64 first = index - index % kChunkPages;
  Chunk* chunk = chunks_.root();
  while (chunk != nullptr && chunk->first != first)
    chunk = first < chunk->first ? chunks_.left(*chunk) : chunks_.right(*chunk);
  return chunk;
}

Result<PhysAddr> FileContent::get(u64 index, Make make) {
  const MutexGuard guard(lock_);
  return get_locked(index, make);
}

Result<PhysAddr> FileContent::get_locked(u64 index, Make make) {
  Chunk* chunk = find(index);
  if (chunk == nullptr) {
    if (make == Make::kNo) return PhysAddr{};
    chunk = mm::knew<Chunk>();
    if (chunk == nullptr) return err(Errno::kNOMEM);
    chunk->first = index - index % kChunkPages;
    chunks_.insert(*chunk);
  }
  PhysAddr& slot = chunk->pages[index % kChunkPages];
  if (slot.value == 0) {
    if (make == Make::kNo) return PhysAddr{};
    const Result<PhysAddr> fresh = user::page_alloc_zeroed();
    if (!fresh) return fresh;
    slot = *fresh;
    nr_pages_.fetch_add(1, std::memory_order_relaxed);
  }
  user::page_get(slot);
  return slot;
}

Result<PhysAddr> FileContent::page(u64 index) {
  const MutexGuard guard(lock_);
  // With the lock: resize() takes away what was there before it, and nothing is added beyond the end after
  // it.
  if (index >= align_up(size(), kPageSize) >> kPageShift) return err(Errno::kFAULT);
  return get_locked(index, Make::kYes);
}

bool FileContent::is_resident(u64 index) {
  const MutexGuard guard(lock_);
  const Chunk* const chunk = find(index);
  return chunk != nullptr && chunk->pages[index % kChunkPages].value != 0;
}

Result<usize> FileContent::read(IoBuffer& to, u64 position) {
  usize done = 0;
  while (!to.empty()) {
    const u64 end = size();
    if (position >= end) break;
    const usize offset = position % kPageSize;
    const usize n = static_cast<usize>(std::min<u64>({kPageSize - offset, end - position, to.left()}));
    const Result<PhysAddr> page = get(position >> kPageShift, Make::kNo);
    if (!page) return transferred(done, page.error());
    const bool is_hole = page->value == 0;
    const usize copied = is_hole ? to.put_zeros(n) : to.put(mm::phys_ptr<std::byte>(*page) + offset, n);
    if (!is_hole) user::page_put(*page);
    done += copied;
    position += copied;
    if (copied < n) return transferred(done, Errno::kFAULT);
  }
  return done;
}

Result<usize> FileContent::write(IoBuffer& from, u64 position) {
  usize done = 0;
  if (position > kMaxSize) return err(Errno::kFBIG);
  while (!from.empty()) {
    if (position >= kMaxSize) return transferred(done, Errno::kFBIG);
    const usize offset = position % kPageSize;
    const usize n = static_cast<usize>(std::min<u64>(kPageSize - offset, from.left()));
    const Result<PhysAddr> page = get(position >> kPageShift, Make::kYes);
    if (!page) return transferred(done, Errno::kNOSPC);
    const usize copied = from.take(mm::phys_ptr<std::byte>(*page) + offset, n);
    user::page_put(*page);
    done += copied;
    position += copied;
    if (position > size()) size_.store(position, std::memory_order_relaxed);
    if (copied < n) return transferred(done, Errno::kFAULT);
  }
  return done;
}

Result<> FileContent::resize(u64 size) {
  if (size > kMaxSize) return err(Errno::kFBIG);
  const u64 old = size_.exchange(size, std::memory_order_relaxed);
  if (size >= old) return {};
  if (const usize offset = size % kPageSize; offset != 0) {
    // What grows back later must be zero.
    const Result<PhysAddr> page = get(size >> kPageShift, Make::kNo);
    if (page && page->value != 0) {
      std::memset(mm::phys_ptr<std::byte>(*page) + offset, 0, kPageSize - offset);
      user::page_put(*page);
    }
  }
  const u64 first = align_up(size, kPageSize) >> kPageShift;
  {
    const MutexGuard guard(lock_);
    drop_from(first);
  }
  if (is_shared()) user::Mm::forget_pages(*this, first);
  return {};
}

void FileContent::drop_from(u64 first) {
  Chunk* chunk = chunks_.last();
  while (chunk != nullptr && chunk->first + kChunkPages > first) {
    bool empty = true;
    for (u32 i = 0; i < kChunkPages; ++i) {
      if (chunk->first + i < first) {
        empty &= chunk->pages[i].value == 0;
        continue;
      }
      if (chunk->pages[i].value == 0) continue;
      user::page_put(chunk->pages[i]);
      chunk->pages[i] = {};
      nr_pages_.fetch_sub(1, std::memory_order_relaxed);
    }
    if (!empty) return;
    chunks_.erase(*chunk);
    mm::kdelete(chunk);
    chunk = chunks_.last();
  }
}

} // namespace runnel::fs
