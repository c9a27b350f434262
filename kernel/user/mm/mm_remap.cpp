// SPDX-License-Identifier: Apache-2.0
// mremap().
#include "kernel/user/mm/mm.hpp"

namespace runnel::user {

Result<u64> Mm::mremap(u64 old_address, u64 old_length, u64 new_length, u64 flags, u64 new_address) {
  const bool is_fixed = (flags & kMREMAP_FIXED) != 0;
  const bool keeps_old = (flags & kMREMAP_DONTUNMAP) != 0;
  const bool may_move = (flags & kMREMAP_MAYMOVE) != 0;
  if ((flags & ~(kMREMAP_MAYMOVE | kMREMAP_FIXED | kMREMAP_DONTUNMAP)) != 0 ||
      ((is_fixed || keeps_old) && !may_move) || (keeps_old && old_length != new_length) ||
      old_address % kPageSize != 0)
    return err(Errno::kINVAL);
  old_length = align_up(old_length, kPageSize);
  new_length = align_up(new_length, kPageSize);
  if (new_length == 0 || old_address > kTaskSize || old_length > kTaskSize - old_address)
    return err(Errno::kINVAL);
  if (is_fixed) {
    if (new_address % kPageSize != 0 || new_length > kTaskSize || new_address > kTaskSize - new_length)
      return err(Errno::kINVAL);
    if (old_address + old_length > new_address && new_address + new_length > old_address)
      return err(Errno::kINVAL);
    if (new_address < kMinAddress) return err(Errno::kPERM);
  }

  const MutexGuard guard(lock_);
  Vma* vma = vmas_.containing(old_address);
  if (vma == nullptr) return err(Errno::kFAULT);
  if (old_length == 0 && (vma->is_private() || keeps_old))
    return err(Errno::kINVAL); // 0: another view of the same
  if (is_fixed) RUNNEL_TRY(unmap(new_address, new_address + new_length));
  if (old_length > new_length) {
    RUNNEL_TRY(unmap(old_address + new_length, old_address + old_length));
    old_length = new_length;
  }
  vma = vmas_.containing(old_address); // it may be another one now
  if (vma == nullptr || old_length > vma->end - old_address) return err(Errno::kFAULT);
  if (!is_fixed && !keeps_old) {
    if (old_length == new_length) return old_address;
    if (old_length == vma->end - old_address && old_length != 0) {
      if (const Result<u64> grown = grow_in_place(*vma, old_address + new_length)) return old_address;
    }
    if (!may_move) return err(Errno::kNOMEM);
  }
  if (!is_fixed) {
    const MapRequest wish{.address = new_address, .length = new_length};
    const Result<u64> chosen =
        choose_address(keeps_old ? wish : MapRequest{.length = new_length}, new_length);
    if (!chosen) return chosen;
    new_address = *chosen;
  }
  return move_mapping(*vma, old_address, old_length, new_address, new_length, flags);
}

Result<u64> Mm::grow_in_place(Vma& vma, u64 new_end) {
  const u64 more = new_end - vma.end;
  if (new_end > kTaskSize || new_end < vma.end || !vmas_.lowest_room(more, vma.end, new_end))
    return err(Errno::kNOMEM);
  RUNNEL_TRY(may_expand(more, vma.flags));
  vmas_.resize(vma, vma.start, new_end);
  vmas_.merge(vma);
  return new_end;
}

Result<u64> Mm::move_mapping(Vma& vma, u64 address, u64 old_length, u64 to, u64 new_length, u64 flags) {
  const bool keeps_old = (flags & kMREMAP_DONTUNMAP) != 0 || old_length == 0;
  RUNNEL_TRY(may_expand(keeps_old ? new_length : new_length - old_length, vma.flags));
  Vma target;
  target.start = to;
  target.end = to + new_length;
  target.flags = vma.flags;
  target.object = vma.object;
  target.offset = vma.object != nullptr ? vma.index_of(address) : 0;
  if (!keeps_old) {
    // Before anything moves: the old place can be cut out.
    RUNNEL_TRY(vmas_.split(address));
    RUNNEL_TRY(vmas_.split(address + old_length));
  }
  // Apart, so that it can be taken out again, or the old one, without another split.
  if (const Result<Vma*> added = vmas_.add_apart(target); !added) return err(added.error());
  if (old_length != 0) {
    if (const Result<> moved = move_pages(address, old_length, to); !moved) {
      RUNNEL_TRY(vmas_.remove(to, to + new_length));
      shrink_tables(to, to + new_length);
      return err(moved.error());
    }
  }
  if (!keeps_old) {
    RUNNEL_TRY(vmas_.remove(address, address + old_length)); // whole mappings: cannot fail
    shrink_tables(address, address + old_length);
  }
  vmas_.merge(*vmas_.containing(to));
  return to;
}

} // namespace runnel::user
