// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/mm/paged_object.hpp"

#include "kernel/mm/kmalloc.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/mm/user_page.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::user {
namespace {

constexpr u64 pages_of(u64 size) { return (size >> kPageShift) + (size % kPageSize != 0 ? 1 : 0); }

} // namespace

PagedObject::PagedObject(u64 size, std::string_view name)
    : size_(size), name_length_(std::min<u64>(name.size(), kNameLength)) {
  std::copy_n(name.data(), name_length_, name_);
}

Result<> PagedObject::grow_list(u64 chunks) {
  if (chunks <= nr_chunks_) return {};
  const u64 room = std::max(chunks, nr_chunks_ * 2);
  auto** list = static_cast<PhysAddr**>(kzalloc(room * sizeof(PhysAddr*)));
  if (list == nullptr) return err(Errno::kNOMEM);
  std::copy_n(chunks_, nr_chunks_, list);
  kfree(chunks_);
  chunks_ = list;
  nr_chunks_ = room;
  return {};
}

Result<PhysAddr*> PagedObject::slot(u64 index) {
  const u64 chunk = index / kPerChunk;
  RUNNEL_TRY(grow_list(chunk + 1));
  if (chunks_[chunk] == nullptr) {
    chunks_[chunk] = static_cast<PhysAddr*>(kzalloc(kPageSize));
    if (chunks_[chunk] == nullptr) return err(Errno::kNOMEM);
  }
  return &chunks_[chunk][index % kPerChunk];
}

Result<PhysAddr> PagedObject::page(u64 index) {
  const MutexGuard guard(lock_);
  if (index >= pages_of(size())) return err(Errno::kFAULT);
  const Result<PhysAddr*> place = slot(index);
  if (!place) return err(place.error());
  if ((*place)->value == 0) {
    const Result<PhysAddr> made = page_alloc_zeroed();
    if (!made) return made;
    fill(index, page_bytes(*made));
    **place = *made;
    ++resident_;
  }
  page_get(**place);
  return **place;
}

bool PagedObject::is_resident(u64 index) {
  const MutexGuard guard(lock_);
  const u64 chunk = index / kPerChunk;
  return chunk < nr_chunks_ && chunks_[chunk] != nullptr && chunks_[chunk][index % kPerChunk].value != 0;
}

u64 PagedObject::resident_pages() {
  const MutexGuard guard(lock_);
  return resident_;
}

Result<usize> PagedObject::read(u64 offset, std::span<std::byte> to) {
  usize done = 0;
  while (done < to.size() && offset + done < size()) {
    const u64 at = offset + done;
    const Result<PhysAddr> from = page(at >> kPageShift);
    if (!from) {
      if (from.error() == Errno::kFAULT) break; // it has shrunk
      return done != 0 ? Result<usize>(done) : err(from.error());
    }
    const usize some =
        std::min<u64>({kPageSize - at % kPageSize, to.size() - done, size() - std::min(size(), at)});
    std::memcpy(to.data() + done, page_bytes(*from).data() + at % kPageSize, some);
    page_put(*from);
    if (some == 0) break;
    done += some;
  }
  return done;
}

Result<usize> PagedObject::write(u64 offset, std::span<const std::byte> from) {
  usize done = 0;
  while (done < from.size() && offset + done < size()) {
    const u64 at = offset + done;
    const Result<PhysAddr> to = page(at >> kPageShift);
    if (!to) {
      if (to.error() == Errno::kFAULT) break;
      return done != 0 ? Result<usize>(done) : err(to.error());
    }
    const usize some =
        std::min<u64>({kPageSize - at % kPageSize, from.size() - done, size() - std::min(size(), at)});
    std::memcpy(page_bytes(*to).data() + at % kPageSize, from.data() + done, some);
    page_put(*to);
    if (some == 0) break;
    done += some;
  }
  return done;
}

Result<> PagedObject::set_size(u64 size) {
  if (size > kMaxSize) return err(Errno::kOVERFLOW);
  if (size >= this->size()) {
    size_.store(size, std::memory_order_relaxed);
    return {};
  }
  truncate(size); // from here on no fault gets a page beyond the end
  if (is_shared()) Mm::forget_pages(*this, pages_of(size));
  return {};
}

void PagedObject::truncate(u64 size) {
  const MutexGuard guard(lock_);
  size_.store(size, std::memory_order_relaxed);
  const u64 keep = pages_of(size);
  for (u64 chunk = keep / kPerChunk; chunk < nr_chunks_; ++chunk) {
    if (chunks_[chunk] == nullptr) continue;
    const u64 first = chunk == keep / kPerChunk ? keep % kPerChunk : 0;
    for (u64 i = first; i < kPerChunk; ++i) {
      PhysAddr& page = chunks_[chunk][i];
      if (page.value == 0) continue;
      page_put(page);
      page = {};
      --resident_;
    }
    if (first == 0) {
      kfree(chunks_[chunk]);
      chunks_[chunk] = nullptr;
    }
  }
  if (keep == 0) {
    kfree(chunks_);
    chunks_ = nullptr;
    nr_chunks_ = 0;
  } else if (const u64 used = size % kPageSize; used != 0) {
    // What is beyond the end reads as zero, should the object grow again.
    const u64 last = keep - 1;
    if (last / kPerChunk < nr_chunks_ && chunks_[last / kPerChunk] != nullptr)
      if (const PhysAddr page = chunks_[last / kPerChunk][last % kPerChunk]; page.value != 0)
        std::memset(page_bytes(page).data() + used, 0, kPageSize - used);
  }
}

MemoryObject* MemoryObject::create(u64 size, std::string_view name) { return knew<MemoryObject>(size, name); }

void MemoryObject::destroy() {
  drop_all();
  kdelete(this);
}

BytesObject* BytesObject::create(std::span<const std::byte> bytes, std::string_view name) {
  return knew<BytesObject>(bytes, name);
}

void BytesObject::fill(u64 index, std::span<std::byte> page) {
  const u64 from = index << kPageShift;
  std::memcpy(page.data(), bytes_.data() + from, std::min<u64>(kPageSize, bytes_.size() - from));
}

void BytesObject::destroy() {
  drop_all();
  kdelete(this);
}

} // namespace runnel::user
