// SPDX-License-Identifier: Apache-2.0
// Objects that keep their pages in memory: shared anonymous memory, memory files, and the contents of files
// that lie in memory anyway.
#pragma once

#include "kernel/sync/mutex.hpp"
#include "kernel/user/mm/vm_object.hpp"

#include <span>

namespace runnel::user {

/// Pages come into being when they are asked for, filled by fill(), and stay until the object goes or
/// shrinks.
class PagedObject : public VmObject {
 public:
  Result<PhysAddr> page(u64 index) final EXCLUDES(lock_);
  bool is_resident(u64 index) final EXCLUDES(lock_);
  u64 size() const final { return size_.load(std::memory_order_relaxed); }
  std::string_view name() const final { return {name_, name_length_}; }
  u64 inode() const final { return inode_; }
  void set_inode(u64 inode) { inode_ = inode; } // before it is mapped
  /// Pages it holds.
  u64 resident_pages() EXCLUDES(lock_);

  /// For read() and write() of such a file: up to the end of the object; how many bytes it was. kNOMEM. No
  /// user memory is touched: the bytes are the kernel's own.
  Result<usize> read(u64 offset, std::span<std::byte> to);
  Result<usize> write(u64 offset, std::span<const std::byte> from);

 protected:
  /// `name` is cut to kNameLength bytes.
  PagedObject(u64 size, std::string_view name);
  ~PagedObject() = default;
  /// Fills a page that is all zeroes.
  virtual void fill(u64 index, std::span<std::byte> page) = 0;
  /// New size. Pages beyond it are let go, also by mappings; the rest of the last page becomes zero. The
  /// caller's reference is not a mapping's. No Mm's lock is held. kOVERFLOW: more than kMaxSize.
  Result<> set_size(u64 size) EXCLUDES(lock_);
  void drop_all() EXCLUDES(lock_) { truncate(0); }

 private:
  static constexpr u64 kNameLength = 63;
  static constexpr u64 kPerChunk = kPageSize / sizeof(PhysAddr);
  static constexpr u64 kMaxSize = (u64{1} << 19) * kPerChunk * kPageSize; // what the list of chunks can hold

  Result<PhysAddr*> slot(u64 index) REQUIRES(lock_);
  Result<> grow_list(u64 chunks) REQUIRES(lock_);
  void truncate(u64 size) EXCLUDES(lock_);

  Mutex lock_; // inside an Mm's lock
  std::atomic<u64> size_;
  PhysAddr** chunks_ GUARDED_BY(lock_) = nullptr; // each a page of addresses, 0: no page yet
  u64 nr_chunks_ GUARDED_BY(lock_) = 0;
  u64 resident_ GUARDED_BY(lock_) = 0;
  u64 inode_ = 0;
  u64 name_length_;
  char name_[kNameLength + 1] = {};
};

/// Zeroes at first: shared anonymous memory, memfd, files of a memory file system.
class MemoryObject final : public PagedObject {
 public:
  /// nullptr: no memory.
  static MemoryObject* create(u64 size, std::string_view name);
  Result<> resize(u64 size) { return set_size(size); }

  MemoryObject(u64 size, std::string_view name) : PagedObject(size, name) {}

 private:
  void fill(u64, std::span<std::byte>) override {}
  void destroy() override;
};

/// A file whose bytes lie in kernel memory for good (the initrd): its pages are copies, as such files begin
/// anywhere in a page.
class BytesObject final : public PagedObject {
 public:
  static BytesObject* create(std::span<const std::byte> bytes, std::string_view name);

  BytesObject(std::span<const std::byte> bytes, std::string_view name)
      : PagedObject(bytes.size(), name), bytes_(bytes) {}

 private:
  void fill(u64 index, std::span<std::byte> page) override;
  void destroy() override;
  std::span<const std::byte> bytes_;
};

} // namespace runnel::user
