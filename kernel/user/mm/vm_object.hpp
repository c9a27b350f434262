// SPDX-License-Identifier: Apache-2.0
// Where the pages of a mapping come from when it is not private anonymous memory: a file's pages, or memory
// that several address spaces share.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/types.hpp"

#include <atomic>
#include <string_view>

namespace runnel::user {

/// Reference counted: who makes it holds one reference, each Vma another.
class VmObject {
 public:
  VmObject(const VmObject&) = delete;
  VmObject& operator=(const VmObject&) = delete;

  /// Page `index` (of 4 KiB, from the object's beginning), with a reference for the caller (page_put).
  /// kFAULT: the index lies wholly beyond the end (a user gets SIGBUS); kNOMEM. Thread context; may sleep.
  virtual Result<PhysAddr> page(u64 index) = 0;
  /// Whether page(index) would be had without allocating: mincore().
  virtual bool is_resident(u64 index) = 0;
  /// Bytes.
  virtual u64 size() const = 0;
  /// For the maps listing: a path, or a name in brackets; may be empty.
  virtual std::string_view name() const { return {}; }
  /// For the maps listing.
  virtual u64 inode() const { return 0; }

  void get() { refs_.fetch_add(1, std::memory_order_relaxed); }
  /// False: the last reference is gone, destroy() is on its way. For who finds it in a list.
  bool try_get() {
    u64 seen = refs_.load(std::memory_order_relaxed);
    while (seen != 0)
      if (refs_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return true;
    return false;
  }
  /// A number no other object has or will have; never 0.
  u64 identity() {
    u64 seen = identity_.load(std::memory_order_relaxed);
    if (seen != 0) return seen;
    const u64 fresh = last_identity_.fetch_add(1, std::memory_order_relaxed) + 1;
    return identity_.compare_exchange_strong(seen, fresh, std::memory_order_relaxed) ? fresh : seen;
  }
  /// Somebody besides the caller refers to it: mappings do.
  bool is_shared() const { return refs_.load(std::memory_order_relaxed) > 1; }
  void put() {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }

 protected:
  VmObject() = default;
  ~VmObject() = default;
  /// The last reference is gone: give everything back, this object too. Thread context; may sleep.
  virtual void destroy() = 0;

 private:
  static inline constinit std::atomic<u64> last_identity_{0};
  std::atomic<u64> refs_{1};
  std::atomic<u64> identity_{0}; // given out when first asked for
};

} // namespace runnel::user
