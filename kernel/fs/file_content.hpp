// SPDX-License-Identifier: Apache-2.0
// The content of a file that lives in memory, page by page: what is read and written, and what mappings show.
#pragma once

#include "kernel/fs/io_buffer.hpp"
#include "kernel/lib/rbtree.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/sync/mutex.hpp"
#include "kernel/user/mm/vm_object.hpp"

namespace runnel::fs {

/// Holes cost nothing and read as zeros. Made with one reference.
class FileContent final : public user::VmObject {
 public:
  static constexpr u64 kMaxSize = u64{1} << 40;

  explicit FileContent(u64 inode) : inode_(inode) {} // create() and put() make and end them
  ~FileContent() = default;

  static FileContent* create(u64 inode);

  Result<PhysAddr> page(u64 index) override;
  bool is_resident(u64 index) override;
  u64 size() const override { return size_.load(std::memory_order_relaxed); }
  std::string_view name() const override { return {name_, name_size_}; }
  u64 inode() const override { return inode_; }
  /// Pages that are there.
  u64 nr_pages() const { return nr_pages_.load(std::memory_order_relaxed); }
  /// For the maps listing, once, before the first mapping; longer names are cut.
  void set_name(std::string_view name);
  bool has_name() const { return name_size_ != 0; }

  /// Within the size. kFAULT when nothing could be copied.
  Result<usize> read(IoBuffer& to, u64 position);
  /// Grows as needed; kFBIG, kNOSPC. One writer or resizer at a time (the inode's lock).
  Result<usize> write(IoBuffer& from, u64 position);
  /// What is beyond goes, out of mappings too.
  Result<> resize(u64 size);

 private:
  static constexpr u32 kChunkPages = 16;
  struct Chunk {
    RbNode node;
    u64 first = 0;                    // page index, a multiple of kChunkPages
    PhysAddr pages[kChunkPages] = {}; // 0: a hole
  };
  static bool is_before(const Chunk& a, const Chunk& b) { return a.first < b.first; }

  void destroy() override;
  Chunk* find(u64 index) REQUIRES(lock_);
  /// With a reference for the caller; null address: a hole (only when `make` says so it is filled).
  enum class Make : u8 { kNo, kYes };
  Result<PhysAddr> get(u64 index, Make make) EXCLUDES(lock_);
  Result<PhysAddr> get_locked(u64 index, Make make) REQUIRES(lock_);
  void drop_from(u64 first) REQUIRES(lock_);

  const u64 inode_;
  std::atomic<u64> size_{0};
  std::atomic<u64> nr_pages_{0};
  char name_[128] = {};
  usize name_size_ = 0;
  Mutex lock_; // the tree; no user memory is touched under it
  RbTree<Chunk, &Chunk::node, is_before> chunks_ GUARDED_BY(lock_);
};

} // namespace runnel::fs
