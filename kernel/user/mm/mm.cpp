// SPDX-License-Identifier: Apache-2.0
// Life of an address space, and what can be asked about it.
#include "kernel/user/mm/mm.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/mm/init.hpp"
#include "kernel/smp/call.hpp"
#include "kernel/user/mm/user_page.hpp"
#include "kernel/user/rseq/cid.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

constinit const VmaAllocator kVmas{[] { return knew<Vma>(); }, [](Vma* vma) { kdelete(vma); }};

/// Below the stack and the room it may grow into, as Linux places it.
u64 choose_mmap_base(u64 stack_limit) {
  constexpr u64 kLeast = u64{128} << 20;
  const u64 room = std::clamp(stack_limit, kLeast, kTaskSize / 6 * 5);
  const u64 chance_of_stack = aslr() == Aslr::kOn ? u64{1} << (kStackChanceBits + kPageShift) : 0;
  return align_down(kTaskSize - room - chance_of_stack - kStackGuardGap, kPageSize) -
         random_pages(kMmapChanceBits);
}

} // namespace

/// All address spaces with users.
class MmList {
 public:
  void add(Mm& mm) EXCLUDES(lock_) {
    const SpinGuard guard(lock_);
    list_.push_back(mm);
  }
  void remove(Mm& mm) EXCLUDES(lock_) {
    const SpinGuard guard(lock_);
    List::erase(mm);
  }
  /// The one after `mm` (the first one after nullptr) that still has users, with a use of it for the caller.
  Mm* next(Mm* mm) EXCLUDES(lock_) {
    const SpinGuard guard(lock_);
    const List::Iterator end = list_.end();
    List::Iterator at = mm == nullptr ? list_.begin() : ++List::Iterator(&mm->all_mms_);
    while (at != end && !(*at).try_get()) ++at;
    return at != end ? &*at : nullptr;
  }

 private:
  using List = runnel::List<Mm, &Mm::all_mms_>;
  SpinLock lock_{LockRank::kMmList};
  List list_ GUARDED_BY(lock_);
};

namespace {

constinit MmList all_mms;

} // namespace

i32 FaultResult::signal() const {
  switch (verdict) {
  case FaultVerdict::kDone:
    return 0;
  case FaultVerdict::kMapError:
  case FaultVerdict::kAccessError:
    return 11;
  case FaultVerdict::kBusError:
    return 7;
  case FaultVerdict::kNoMemory:
    break;
  }
  return 9;
}

i32 FaultResult::code() const {
  if (verdict == FaultVerdict::kMapError) return 1;
  return verdict == FaultVerdict::kAccessError || verdict == FaultVerdict::kBusError ? 2 : 0;
}

Mm::Mm(const MmLimits& limits)
    : vmas_(kVmas, kMaxMapCount), limits_(limits), mmap_base_(choose_mmap_base(limits.stack)) {}

Result<Mm*> Mm::create(const MmLimits& limits) {
  Mm* mm = knew<Mm>(limits);
  if (mm == nullptr) return err(Errno::kNOMEM);
  mm->cids = knew<rseq::CidSpace>(*mm);
  if (mm->cids == nullptr) {
    kdelete(mm);
    return err(Errno::kNOMEM);
  }
  Result<> made;
  {
    const MutexGuard guard(mm->lock_);
    made = mm->table_.init(kernel_page_table(), table_page_alloc, table_page_free);
  }
  if (!made) {
    kdelete(mm->cids);
    kdelete(mm);
    return err(made.error());
  }
  all_mms.add(*mm);
  return mm;
}

bool Mm::try_get() {
  u32 users = users_.load(std::memory_order_relaxed);
  while (users != 0)
    if (users_.compare_exchange_weak(users, users + 1, std::memory_order_relaxed)) return true;
  return false;
}

void Mm::put() {
  if (users_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  tear_down();
  drop();
}

void Mm::drop() {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  sched::mm_cid_retire(*cids);
  kdelete(cids);
  kdelete(this);
}

void Mm::forget_pages(const VmObject& object, u64 first) {
  for (Mm* mm = all_mms.next(nullptr); mm != nullptr;) {
    mm->forget_pages_here(object, first);
    Mm* after = all_mms.next(mm);
    mm->put();
    mm = after;
  }
}

void Mm::forget_pages_here(const VmObject& object, u64 first) {
  const MutexGuard guard(lock_);
  for (const Vma* vma = vmas_.first(); vma != nullptr; vma = VmaSet::next(*vma)) {
    if (vma->object != &object || vma->index_of(vma->end) <= first) continue;
    zap(first > vma->offset ? vma->start + ((first - vma->offset) << kPageShift) : vma->start, vma->end);
  }
}

void Mm::tear_down() {
  all_mms.remove(*this);
  // Kernel threads leave what was loaded before them. No user of it runs, so no CPU loads it again.
  call_function(
      cpus_.load(),
      [](void* mm) {
        if (loaded_mm() == mm) leave_mm();
      },
      this, Wait::kYes);
  const MutexGuard guard(lock_);
  table_.flush();
  table_.destroy(page_put);
  vmas_.clear();
  resident_ = 0;
}

Result<Mm*> Mm::fork() {
  const MutexGuard guard(lock_);
  Result<Mm*> made = create(limits_);
  if (!made) return made;
  Mm& child = **made;
  Result<> copied;
  {
    const MutexGuard child_guard(child.lock_); // nobody else knows it yet
    child.mmap_base_ = mmap_base_;
    child.brk_start_ = brk_start_;
    child.brk_ = brk_;
    child.addresses = addresses;
    child.barrier_registrations.store(barrier_registrations.load(std::memory_order_relaxed),
                                      std::memory_order_relaxed);
    for (const Vma* vma = vmas_.first(); vma != nullptr && copied; vma = VmaSet::next(*vma)) {
      if (vma->has(kVmDontFork)) continue;
      if (const Result<Vma*> added = child.vmas_.add(*vma); !added) copied = err(added.error());
      // Shared pages are found again through their object.
      if (copied && vma->is_private() && !vma->has(kVmWipeOnFork)) copied = copy_pages_to(child, *vma);
    }
    child.peak_resident_ = child.resident_;
  }
  // Writes of this side must fault from here on.
  flush_all();
  if (copied) return made;
  child.put();
  return err(copied.error());
}

void Mm::for_each_vma(void (*visit)(void* context, const VmaInfo& info), void* context) {
  const MutexGuard guard(lock_);
  for (const Vma* vma = vmas_.first(); vma != nullptr; vma = VmaSet::next(*vma)) {
    VmaInfo info{vma->start, vma->end, vma->flags, vma->offset << kPageShift, 0, {}};
    if (vma->object != nullptr) {
      info.name = vma->object->name();
      info.inode = vma->object->inode();
    } else if (vma->has(kVmStack)) {
      info.name = "[stack]";
    } else if (vma->start < brk_ && vma->end > brk_start_) {
      info.name = "[heap]";
    }
    visit(context, info);
  }
}

u64 Mm::data_pages() {
  u64 bytes = 0;
  for (const Vma* vma = vmas_.first(); vma != nullptr; vma = VmaSet::next(*vma))
    if (vma->has(kVmWrite) && vma->is_private() && !vma->has(kVmGrowsDown)) bytes += vma->size();
  return bytes >> kPageShift;
}

MmStats Mm::stats() {
  const MutexGuard guard(lock_);
  MmStats stats;
  stats.size_pages = vmas_.total_size() >> kPageShift;
  stats.resident_pages = resident_;
  stats.peak_resident_pages = peak_resident_;
  stats.data_pages = data_pages();
  for (const Vma* vma = vmas_.first(); vma != nullptr; vma = VmaSet::next(*vma))
    if (vma->has(kVmGrowsDown)) stats.stack_pages += vma->size() >> kPageShift;
  stats.table_pages = table_.table_pages();
  stats.maps = vmas_.count();
  stats.minor_faults = faults_;
  return stats;
}

MmLimits Mm::limits() {
  const MutexGuard guard(lock_);
  return limits_;
}

void Mm::set_limits(const MmLimits& limits) {
  const MutexGuard guard(lock_);
  limits_ = limits;
}

Result<SharedKey> Mm::shared_key(u64 address) {
  const MutexGuard guard(lock_);
  const Vma* vma = address < kTaskSize ? vmas_.containing(address) : nullptr;
  if (vma == nullptr) return err(Errno::kFAULT);
  if (vma->is_private()) return SharedKey{this, address >> kPageShift, 0};
  return SharedKey{vma->object, vma->index_of(address), vma->object->identity()};
}

} // namespace runnel::user
