// SPDX-License-Identifier: Apache-2.0
// mmap(), munmap() and what they share with the other calls that make room.
#include "kernel/fs/file_content.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/user/mm/mm.hpp"

#include <algorithm>
#include <limits>

namespace runnel::user {
namespace {

constexpr u64 kAllRights = kPROT_READ | kPROT_WRITE | kPROT_EXEC;
static_assert(u64{kVmRead} == u64{kPROT_READ} && u64{kVmWrite} == u64{kPROT_WRITE} &&
              u64{kVmExec} == u64{kPROT_EXEC});

/// Flags that every kernel knew before MAP_SHARED_VALIDATE: with that type all others are refused.
constexpr u64 kOldFlags = kMAP_SHARED | kMAP_PRIVATE | kMAP_FIXED | kMAP_ANONYMOUS | kMAP_DENYWRITE |
                          kMAP_EXECUTABLE | kMAP_GROWSDOWN | kMAP_LOCKED | kMAP_NORESERVE | kMAP_POPULATE |
                          kMAP_NONBLOCK | kMAP_STACK | kMAP_HUGETLB | kMAP_32BIT;

/// Where programs that want 32-bit addresses get them (x86_64).
constexpr u64 kLow32Start = 0x4000'0000;
constexpr u64 kLow32End = 0x8000'0000;
constexpr bool kHasLow32 = !arch::kGenericNumbers;

u32 flags_of(const MapRequest& request) {
  u32 flags = static_cast<u32>(request.prot & kAllRights);
  if ((request.flags & kMAP_GROWSDOWN) != 0) flags |= kVmGrowsDown;
  if ((request.flags & kMAP_NORESERVE) != 0) flags |= kVmNoReserve;
  return flags;
}

Result<u32> flags_of_file_mapping(const MapRequest& request) {
  const u32 flags = flags_of(request);
  const u64 type = request.flags & kMAP_TYPE;
  const bool is_shared = type == kMAP_SHARED || type == kMAP_SHARED_VALIDATE;
  if (!is_shared && type != kMAP_PRIVATE) return err(Errno::kINVAL);
  if (type == kMAP_SHARED_VALIDATE && (request.flags & ~(kOldFlags | kMAP_TYPE)) != 0)
    return err(Errno::kOPNOTSUPP);
  if (is_shared && (flags & kVmWrite) != 0 && (request.may & kVmMayWrite) == 0) return err(Errno::kACCES);
  if ((request.may & kVmMayRead) == 0) return err(Errno::kACCES);
  if ((flags & kVmExec) != 0 && (request.may & kVmMayExec) == 0) return err(Errno::kPERM);
  if ((flags & kVmGrowsDown) != 0) return err(Errno::kINVAL);
  return is_shared ? flags | kVmShared | request.may : flags | request.may | kVmMayWrite;
}

Result<u32> flags_of_anonymous_mapping(const MapRequest& request) {
  const u32 flags = flags_of(request) | kVmMayRead | kVmMayWrite | kVmMayExec;
  switch (request.flags & kMAP_TYPE) {
  case kMAP_PRIVATE:
    return flags;
  case kMAP_SHARED:
    if ((flags & kVmGrowsDown) != 0) return err(Errno::kINVAL);
    return flags | kVmShared;
  default:
    return err(Errno::kINVAL);
  }
}

/// More than all memory is refused at once (Linux's heuristic overcommit); anything less is found out by
/// faults.
bool is_obvious_overcommit(u64 length, u32 flags) {
  if ((flags & kVmNoReserve) != 0 || (flags & (kVmWrite | kVmShared)) == 0) return false;
  return length >> kPageShift > mm::total_pages();
}

/// Memory for a mapping that is shared but has no file: it is a file without a name. With one reference.
Result<VmObject*> make_shared_memory(u64 length) {
  fs::FileContent* content = fs::FileContent::create(0);
  if (content == nullptr) return err(Errno::kNOMEM);
  content->set_name("/dev/zero (deleted)");
  if (content->resize(length)) return content;
  content->put();
  return err(Errno::kNOMEM);
}

} // namespace

Result<u64> Mm::choose_address(const MapRequest& request, u64 length) {
  if (length > kTaskSize) return err(Errno::kNOMEM);
  if ((request.flags & (kMAP_FIXED | kMAP_FIXED_NOREPLACE)) != 0) {
    if (request.address > kTaskSize - length) return err(Errno::kNOMEM);
    if (request.address % kPageSize != 0) return err(Errno::kINVAL);
    if (request.address < kMinAddress) return err(Errno::kPERM);
    return request.address;
  }
  // Rounded up: wraps to 0, no wish, for the last page of all.
  const u64 wish = align_up(request.address, kPageSize);
  if (request.address != 0 && wish <= kTaskSize - length) {
    const u64 start = std::max(wish, kMinAddress);
    if (vmas_.lowest_room(length, start, start + length)) return start;
  }
  std::optional<u64> room;
  if (kHasLow32 && (request.flags & kMAP_32BIT) != 0) {
    room = vmas_.lowest_room(length, kLow32Start, kLow32End);
  } else {
    room = vmas_.highest_room(length, kMinAddress, mmap_base_);
    if (!room) room = vmas_.lowest_room(length, align_up(kTaskSize / 3, kPageSize), kTaskSize);
  }
  return room ? Result<u64>(*room) : err(Errno::kNOMEM);
}

Result<> Mm::may_expand(u64 bytes, u32 flags) {
  const u64 total = vmas_.total_size();
  if (bytes > limits_.address_space || total > limits_.address_space - bytes) return err(Errno::kNOMEM);
  const bool is_data = (flags & (kVmWrite | kVmShared | kVmGrowsDown)) == kVmWrite;
  return !is_data || may_become_data(bytes) ? Result<>() : err(Errno::kNOMEM);
}

bool Mm::may_become_data(u64 bytes) {
  return limits_.data == MmLimits::kInfinity || (data_pages() << kPageShift) + bytes <= limits_.data;
}

Result<u64> Mm::mmap(const MapRequest& request) {
  if (request.offset % kPageSize != 0 || request.length == 0) return err(Errno::kINVAL);
  if (request.object == nullptr && (request.flags & kMAP_ANONYMOUS) == 0) return err(Errno::kNODEV);
  if ((request.flags & kMAP_HUGETLB) != 0) return err(Errno::kINVAL); // there are no huge pages
  const u64 length = align_up(request.length, kPageSize);
  if (length == 0) return err(Errno::kNOMEM);
  const bool is_anonymous = (request.flags & kMAP_ANONYMOUS) != 0;
  if (!is_anonymous && (request.offset > u64{std::numeric_limits<i64>::max()} ||
                        length > u64{std::numeric_limits<i64>::max()} - request.offset))
    return err(Errno::kOVERFLOW);

  const MutexGuard guard(lock_);
  const Result<u64> address = choose_address(request, length);
  if (!address) return address;
  const u64 end = *address + length;
  if ((request.flags & kMAP_FIXED_NOREPLACE) != 0 && vmas_.overlaps(*address, end)) return err(Errno::kEXIST);
  const Result<u32> flags =
      is_anonymous ? flags_of_anonymous_mapping(request) : flags_of_file_mapping(request);
  if (!flags) return err(flags.error());
  RUNNEL_TRY(may_expand(length - vmas_.covered(*address, end), *flags));
  if (is_obvious_overcommit(length, *flags)) return err(Errno::kNOMEM);

  Vma vma;
  vma.start = *address;
  vma.end = end;
  vma.flags = *flags;
  if (is_anonymous && (*flags & kVmShared) != 0) {
    const Result<VmObject*> shared = make_shared_memory(length);
    if (!shared) return err(shared.error());
    vma.object = *shared;
  } else if (!is_anonymous) {
    vma.object = request.object;
    vma.offset = request.offset >> kPageShift;
  }
  Result<> made = unmap(*address, end);
  if (made) {
    if (const Result<Vma*> added = vmas_.add(vma); !added) made = err(added.error());
  }
  if (is_anonymous && vma.object != nullptr) vma.object->put(); // the mapping has its own reference
  if (!made) return err(made.error());
  if ((request.flags & (kMAP_POPULATE | kMAP_LOCKED)) != 0 && (request.flags & kMAP_NONBLOCK) == 0)
    populate(*address, end);
  return address;
}

void Mm::populate(u64 start, u64 end) {
  const Vma* vma = nullptr;
  for (u64 at = start; at < end; at += kPageSize) {
    vma = vmas_.find(at);
    if (vma == nullptr) return;
    const bool writes = vma->has(kVmWrite) && vma->is_private();
    if (!fault(at, writes ? arch::Access::kWrite : arch::Access::kRead).ok()) return;
  }
}

Result<> Mm::unmap(u64 start, u64 end) {
  RUNNEL_TRY(vmas_.remove(start, end)); // the pages have their own references
  zap(start, end);
  shrink_tables(start, end);
  return {};
}

Result<> Mm::munmap(u64 address, u64 length) {
  if (address % kPageSize != 0 || address > kTaskSize || length > kTaskSize - address || length == 0)
    return err(Errno::kINVAL);
  const MutexGuard guard(lock_);
  return unmap(address, address + align_up(length, kPageSize));
}

} // namespace runnel::user
