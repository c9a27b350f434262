// SPDX-License-Identifier: Apache-2.0
// mprotect(), and the calls that advise about memory or ask what is there.
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/mm/user_page.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

constexpr u64 kRights = kPROT_READ | kPROT_WRITE | kPROT_EXEC;
constexpr u64 kKnownProt = kRights | kPROT_SEM | (arch::kGenericNumbers ? kPROT_BTI | kPROT_MTE : 0);

/// What advice comes to here.
enum class Advice : u8 { kNothing, kDiscard, kSetFlag, kClearFlag, kPopulateRead, kPopulateWrite };
struct AdviceRule {
  Advice what = Advice::kNothing;
  u32 flag = 0;
};

Result<AdviceRule> rule_of(i32 advice) {
  switch (advice) {
  case kMADV_NORMAL:
  case kMADV_RANDOM:
  case kMADV_SEQUENTIAL:
  case kMADV_WILLNEED:
  case kMADV_MERGEABLE:
  case kMADV_UNMERGEABLE:
  case kMADV_HUGEPAGE:
  case kMADV_NOHUGEPAGE:
  case kMADV_DONTDUMP:
  case kMADV_DODUMP:
  case kMADV_COLD:
  case kMADV_PAGEOUT:
    return AdviceRule{};
  case kMADV_DONTNEED:
  case kMADV_FREE: // may discard at any time: at once
    return AdviceRule{Advice::kDiscard};
  case kMADV_DONTFORK:
    return AdviceRule{Advice::kSetFlag, kVmDontFork};
  case kMADV_DOFORK:
    return AdviceRule{Advice::kClearFlag, kVmDontFork};
  case kMADV_WIPEONFORK:
    return AdviceRule{Advice::kSetFlag, kVmWipeOnFork};
  case kMADV_KEEPONFORK:
    return AdviceRule{Advice::kClearFlag, kVmWipeOnFork};
  case kMADV_POPULATE_READ:
    return AdviceRule{Advice::kPopulateRead};
  case kMADV_POPULATE_WRITE:
    return AdviceRule{Advice::kPopulateWrite};
  default:
    return err(Errno::kINVAL);
  }
}

/// A private anonymous mapping: the only kind that some advice is for.
bool is_anonymous(const Vma& vma) { return vma.object == nullptr; }

} // namespace

Result<> Mm::mprotect(u64 address, u64 length, u64 prot) {
  const u64 grows = prot & (kPROT_GROWSDOWN | kPROT_GROWSUP);
  prot &= ~grows;
  if (grows == (kPROT_GROWSDOWN | kPROT_GROWSUP) || address % kPageSize != 0) return err(Errno::kINVAL);
  if (length == 0) return {};
  u64 end = address + align_up(length, kPageSize);
  if (end <= address) return err(Errno::kNOMEM);
  if ((prot & ~kKnownProt) != 0) return err(Errno::kINVAL);
  const u32 rights = static_cast<u32>(prot & kRights);

  const MutexGuard guard(lock_);
  Vma* vma = vmas_.find(address);
  if (vma == nullptr) return err(Errno::kNOMEM);
  if ((grows & kPROT_GROWSDOWN) != 0) {
    if (vma->start >= end) return err(Errno::kNOMEM);
    address = vma->start;
    if (!vma->has(kVmGrowsDown)) return err(Errno::kINVAL);
  } else if (vma->start > address) {
    return err(Errno::kNOMEM);
  } else if ((grows & kPROT_GROWSUP) != 0) {
    return err(Errno::kINVAL); // nothing grows up
  }
  for (u64 at = address; at < end;) {
    vma = vmas_.containing(at);
    if (vma == nullptr) return err(Errno::kNOMEM); // a hole; what came before has its new rights
    const u64 stop = std::min(end, vma->end);
    if ((rights & ~(vma->flags >> kVmMayShift)) != 0) return err(Errno::kACCES);
    const u32 flags = (vma->flags & ~kVmRights) | rights;
    if (flags != vma->flags) {
      if ((flags & kVmWrite) != 0 && !vma->has(kVmWrite) && vma->is_private() && !may_become_data(stop - at))
        return err(Errno::kNOMEM);
      RUNNEL_TRY(vmas_.split(at));
      RUNNEL_TRY(vmas_.split(stop));
      vma = &vmas_.set_flags(*vmas_.containing(at), flags);
      update_rights(*vma, at, stop);
    }
    at = stop;
  }
  return {};
}

Result<> Mm::advise_populate(u64 start, u64 end, arch::Access access) {
  for (u64 at = start; at < end; at += kPageSize) {
    const FaultResult result = fault(at, access);
    switch (result.verdict) {
    case FaultVerdict::kDone:
      break;
    case FaultVerdict::kMapError:
    case FaultVerdict::kNoMemory:
      return err(Errno::kNOMEM);
    case FaultVerdict::kAccessError:
      return err(Errno::kINVAL);
    case FaultVerdict::kBusError:
      return err(Errno::kFAULT);
    }
  }
  return {};
}

Result<> Mm::madvise(u64 address, u64 length, i32 advice) {
  const Result<AdviceRule> rule = rule_of(advice);
  if (!rule) return err(rule.error());
  const u64 size = align_up(length, kPageSize);
  if (address % kPageSize != 0 || (length != 0 && size == 0) || address + size < address)
    return err(Errno::kINVAL);
  if (size == 0) return {};
  const u64 end = address + size;

  const MutexGuard guard(lock_);
  if (rule->what == Advice::kPopulateRead) return advise_populate(address, end, arch::Access::kRead);
  if (rule->what == Advice::kPopulateWrite) return advise_populate(address, end, arch::Access::kWrite);
  bool has_hole = false;
  u64 at = address;
  for (Vma* vma = vmas_.find(at); at < end; vma = vmas_.find(at)) {
    if (vma == nullptr || vma->start >= end) {
      has_hole = true;
      break;
    }
    has_hole = has_hole || vma->start > at;
    at = std::max(at, vma->start);
    const u64 stop = std::min(end, vma->end);
    if (advice == kMADV_FREE && !is_anonymous(*vma)) return err(Errno::kINVAL);
    if (rule->what == Advice::kDiscard) zap(at, stop);
    if (rule->flag != 0) {
      if (rule->flag == kVmWipeOnFork && rule->what == Advice::kSetFlag && !is_anonymous(*vma))
        return err(Errno::kINVAL);
      RUNNEL_TRY(vmas_.split(at));
      RUNNEL_TRY(vmas_.split(stop));
      Vma& part = *vmas_.containing(at);
      vmas_.set_flags(part,
                      rule->what == Advice::kSetFlag ? part.flags | rule->flag : part.flags & ~rule->flag);
    }
    at = stop;
  }
  return has_hole ? Result<>(err(Errno::kNOMEM)) : Result<>();
}

// Nothing is ever written back: what is shared is in memory only.
Result<> Mm::msync(u64 address, u64 length, u64 flags) {
  if ((flags & ~(kMS_ASYNC | kMS_INVALIDATE | kMS_SYNC)) != 0 || address % kPageSize != 0 ||
      (flags & (kMS_ASYNC | kMS_SYNC)) == (kMS_ASYNC | kMS_SYNC))
    return err(Errno::kINVAL);
  const u64 end = address + align_up(length, kPageSize);
  if (end < address) return err(Errno::kNOMEM);
  const MutexGuard guard(lock_);
  return vmas_.covered(address, end) == end - address ? Result<>() : err(Errno::kNOMEM);
}

Result<> Mm::mincore(u64 address, std::span<u8> resident) {
  if (address % kPageSize != 0) return err(Errno::kINVAL);
  const u64 size = resident.size() << kPageShift;
  if (address > kTaskSize || size > kTaskSize - address) return err(Errno::kNOMEM);
  const MutexGuard guard(lock_);
  if (vmas_.covered(address, address + size) != size) return err(Errno::kNOMEM);
  for (u64 i = 0; i < resident.size(); ++i) {
    const u64 at = address + (i << kPageShift);
    const Vma* vma = vmas_.containing(at);
    resident[i] =
        table_.query({at}) || (vma->object != nullptr && vma->object->is_resident(vma->index_of(at)));
  }
  return {};
}

} // namespace runnel::user
