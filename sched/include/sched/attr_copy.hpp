// SPDX-License-Identifier: Apache-2.0
// struct sched_attr between the scheduler and a caller's memory: which sizes are understood, and what is read
// and written at each (spec 5.10, rows 2 to 6 of sched_setattr, rows 1 and 5 of sched_getattr). How memory is
// reached is the system call's business.
#pragma once

#include <sched/attr.hpp>
#include <span>

namespace runnel::sched {

/// The caller's structure. False: that memory cannot be reached.
class AttrMemory {
 public:
  virtual bool read(u32 offset, std::span<u8> to) = 0;
  virtual bool write(u32 offset, std::span<const u8> from) = 0;

 protected:
  ~AttrMemory() = default;
};

/// Largest size of a structure that is looked at: a page.
inline constexpr u32 kSchedAttrSizeMost = 4096;

/// sched_setattr's structure. EFAULT; E2BIG, then the size that is understood stands in its size field;
/// EINVAL for clamp flags in a structure without the clamps.
Result<SchedAttr> copy_attr_in(AttrMemory& memory);
/// sched_getattr's answer to a caller whose structure has `size` bytes, of which no more are touched. EINVAL:
/// no such size. EFAULT.
Result<> copy_attr_out(AttrMemory& memory, SchedAttr attr, u32 size);
/// The part of copy_attr_out's checks that comes before the task is looked for (row 1).
constexpr bool attr_size_understood(u32 size) {
  return size >= kSchedAttrSizeVer0 && size <= kSchedAttrSizeMost;
}

} // namespace runnel::sched
