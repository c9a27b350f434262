// SPDX-License-Identifier: Apache-2.0
// A user's address space: its mappings, its page tables and what mmap() and its family do to them.
//
// Locking: one sleeping lock an address space serialises everything that changes it, faults too. No user
// memory is touched under it (a fault would want it again). All public calls: thread context, no spinlocks,
// interrupts on, unless they say otherwise. Addresses and errors are Linux's.
#pragma once

#include "kernel/lib/cpumask.hpp"
#include "kernel/lib/list.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/sync/mutex.hpp"
#include "kernel/user/mm/layout.hpp"
#include "kernel/user/mm/mman.hpp"
#include "kernel/user/mm/vma_set.hpp"

#include <arch/exception.hpp>
#include <span>

namespace runnel::user {

/// Resource limits an address space obeys, in bytes (RLIMIT_AS, RLIMIT_STACK, RLIMIT_DATA).
struct MmLimits {
  static constexpr u64 kInfinity = ~u64{0};
  u64 address_space = kInfinity;
  u64 stack = 8 * 1024 * 1024;
  u64 data = kInfinity;
};

/// Linux's vm.max_map_count.
inline constexpr u32 kMaxMapCount = 65530;

/// What mmap() is asked for. Rights that the file's descriptor has are `may` (kVmMayRead, kVmMayWrite,
/// kVmMayExec); anonymous memory has them all.
struct MapRequest {
  u64 address = 0; // with kMAP_FIXED exact, else a wish
  u64 length = 0;
  u64 prot = 0;               // kPROT_...
  u64 flags = 0;              // kMAP_...
  VmObject* object = nullptr; // of the file; nullptr with kMAP_ANONYMOUS. The caller keeps its reference.
  u64 offset = 0;             // bytes
  u32 may = kVmMayRead | kVmMayWrite | kVmMayExec;
};

/// What a page fault comes to.
enum class FaultVerdict : u8 {
  kDone,        // go on with the instruction
  kMapError,    // SIGSEGV, SEGV_MAPERR
  kAccessError, // SIGSEGV, SEGV_ACCERR
  kBusError,    // SIGBUS, BUS_ADRERR: beyond the end of the object
  kNoMemory,    // no page to be had: SIGKILL is what Linux's OOM killer would send
};
struct FaultResult {
  FaultVerdict verdict = FaultVerdict::kDone;
  u64 address = 0; // si_addr
  bool ok() const { return verdict == FaultVerdict::kDone; }
  /// SIGSEGV 11, SIGBUS 7, SIGKILL 9; 0 when done.
  i32 signal() const;
  /// SEGV_MAPERR 1, SEGV_ACCERR 2, BUS_ADRERR 2; 0 else.
  i32 code() const;
};

/// One line of /proc/self/maps and more.
struct VmaInfo {
  u64 start = 0, end = 0;
  u32 flags = 0;  // kVm...
  u64 offset = 0; // bytes
  u64 inode = 0;
  std::string_view name; // "[stack]", "[heap]", the object's; valid during the visit
};

struct MmStats {
  u64 size_pages = 0;     // mapped
  u64 resident_pages = 0; // in the page tables, the zero page not counted
  u64 peak_resident_pages = 0;
  u64 data_pages = 0; // private writable mappings, stack not counted
  u64 stack_pages = 0;
  u64 table_pages = 0;
  u32 maps = 0;
  u64 minor_faults = 0;
};

/// What identifies a word for futexes: the object's page for shared memory, else the address space.
struct SharedKey {
  const void* owner = nullptr; // VmObject or Mm
  u64 page = 0;                // index in the object, or page number in the Mm
  u64 identity = 0;            // VmObject::identity(), which outlives the object; 0: the owner is the Mm
};

/// Addresses of the running program for /proc and prctl; written by exec.
struct ExecAddresses {
  u64 code_start = 0, code_end = 0, data_start = 0, data_end = 0;
  u64 sigreturn = 0; // code that signal handlers return to; 0: none
  u64 arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
};

namespace rseq {
struct CidSpace;
}

class Mm {
 public:
  /// An empty address space with one user. kNOMEM.
  static Result<Mm*> create(const MmLimits& limits = {});
  /// A copy for fork(): private pages are shared until one side writes. One user. kNOMEM.
  Result<Mm*> fork() EXCLUDES(lock_);

  /// Users: threads that run in it, and whoever looks at its memory. The last put() takes all mappings and
  /// page tables away (thread context, sleeps); every CPU that still had it loaded goes to the kernel's own
  /// tables.
  void get() { users_.fetch_add(1, std::memory_order_relaxed); }
  /// False: it has no users any more. The caller holds a lazy reference.
  bool try_get();
  void put();
  /// Lazy references keep this object only, not the memory.
  void grab() { refs_.fetch_add(1, std::memory_order_relaxed); }
  void drop();
  u32 users() const { return users_.load(std::memory_order_relaxed); }

  // --- the calls; lengths are rounded up to pages as Linux does.
  Result<u64> mmap(const MapRequest& request) EXCLUDES(lock_);
  Result<> munmap(u64 address, u64 length) EXCLUDES(lock_);
  Result<> mprotect(u64 address, u64 length, u64 prot) EXCLUDES(lock_);
  Result<u64> mremap(u64 old_address, u64 old_length, u64 new_length, u64 flags, u64 new_address)
      EXCLUDES(lock_);
  /// The new break, or the old one when it cannot be moved. brk(0) asks.
  u64 brk(u64 address) EXCLUDES(lock_);
  Result<> madvise(u64 address, u64 length, i32 advice) EXCLUDES(lock_);
  Result<> msync(u64 address, u64 length, u64 flags) EXCLUDES(lock_);
  /// One byte a page, 1: resident; `resident` has a byte for each page of the range.
  Result<> mincore(u64 address, std::span<u8> resident) EXCLUDES(lock_);

  // --- exec
  /// The break area begins here (rounded up to a page) and is empty.
  void set_brk_start(u64 address) EXCLUDES(lock_);
  /// Maps the initial stack, growing down, and returns its top (exclusive; aligned to 16). `prot` as for
  /// mmap(). Its lower parts are mapped by faults up to RLIMIT_STACK.
  Result<u64> map_stack(u64 prot) EXCLUDES(lock_);
  ExecAddresses addresses;

  // --- memory of an address space that need not be the current one. Faults pages in as its user would;
  // rights are those of the mappings. kFAULT where the user would get a signal; kNOMEM.
  Result<> copy_in(u64 to, std::span<const std::byte> from) EXCLUDES(lock_);
  Result<> copy_out(std::span<std::byte> to, u64 from) EXCLUDES(lock_);
  Result<> fill_zero(u64 address, u64 size) EXCLUDES(lock_);

  /// A page fault of a user, or of the kernel on a user address. Any address. Interrupts on.
  FaultResult handle_fault(u64 address, arch::Access access) EXCLUDES(lock_);

  /// kFAULT when nothing is mapped there.
  Result<SharedKey> shared_key(u64 address) EXCLUDES(lock_);

  /// Calls visit(info) for every mapping in address order, with the lock held: no user memory, no call to
  /// this Mm in there.
  void for_each_vma(void (*visit)(void* context, const VmaInfo& info), void* context) EXCLUDES(lock_);
  template <typename Visit> void for_each_vma(Visit visit) EXCLUDES(lock_) {
    for_each_vma([](void* context, const VmaInfo& info) { (*static_cast<Visit*>(context))(info); }, &visit);
  }
  /// CPUs that have the tables loaded, threads of it running or not: for membarrier() and the like.
  CpuMask loaded_on() const { return cpus_.load(); }
  MmStats stats() EXCLUDES(lock_);
  /// The object ends before page `first` now: whoever has later pages of it in his tables loses them, and
  /// gets a bus error when he touches them again. No Mm's lock is held.
  static void forget_pages(const VmObject& object, u64 first);

  /// What its threads have registered for with membarrier(); its own command numbers. fork() copies it.
  std::atomic<u32> barrier_registrations{0};

  rseq::CidSpace* cids = nullptr; // its own; as long as it lives

  MmLimits limits() EXCLUDES(lock_);
  void set_limits(const MmLimits& limits) EXCLUDES(lock_); // setrlimit()

 private:
  friend void switch_mm(Mm* next);
  friend void leave_mm();
  friend class MmList;
  friend Mm* mm::knew<Mm, const MmLimits&>(const MmLimits&);
  friend void mm::kdelete<Mm>(Mm*);

  explicit Mm(const MmLimits& limits);
  ~Mm() = default;

  // mm.cpp
  void forget_pages_here(const VmObject& object, u64 first) EXCLUDES(lock_);
  void tear_down() EXCLUDES(lock_);
  const arch::UserTable& table_to_load() const NO_THREAD_SAFETY_ANALYSIS { return table_; }

  // mm_map.cpp
  Result<u64> choose_address(const MapRequest& request, u64 length) REQUIRES(lock_);
  /// Room for `bytes` more within the limits, for a mapping with these flags. kNOMEM.
  Result<> may_expand(u64 bytes, u32 flags) REQUIRES(lock_);
  Result<> advise_populate(u64 start, u64 end, arch::Access access) REQUIRES(lock_); // mm_protect.cpp
  bool may_become_data(u64 bytes) REQUIRES(lock_);                                   // RLIMIT_DATA
  u64 data_pages() REQUIRES(lock_);
  Result<> unmap(u64 start, u64 end) REQUIRES(lock_);
  /// Faults pages in, as far as that goes.
  void populate(u64 start, u64 end) REQUIRES(lock_);

  // mm_pages.cpp
  void flush_all() REQUIRES(lock_);
  /// Takes all pages of [start, end) out of the tables.
  void zap(u64 start, u64 end) REQUIRES(lock_);
  /// Gives back the tables that only addresses around [start, end), where no mapping is any more, needed.
  void shrink_tables(u64 start, u64 end) REQUIRES(lock_);
  /// Moves the pages of [start, start + size) to `to`. kNOMEM: all are where they were.
  Result<> move_pages(u64 start, u64 size, u64 to) REQUIRES(lock_);
  /// Gives the pages of `vma` within [start, end) the rights its flags allow.
  void update_rights(const Vma& vma, u64 start, u64 end) REQUIRES(lock_);
  Result<> copy_pages_to(Mm& child, const Vma& vma) REQUIRES(lock_, child.lock_);

  // mm_fault.cpp
  FaultResult fault(u64 address, arch::Access access) REQUIRES(lock_);
  bool grow_down(Vma& vma, u64 to) REQUIRES(lock_);
  Result<> make_page(const Vma& vma, u64 virt, arch::Access access) REQUIRES(lock_);
  Result<> change_page(const Vma& vma, u64 virt, const arch::UserPage& page, arch::Access access)
      REQUIRES(lock_);
  Result<> copy_page(const Vma& vma, u64 virt, const arch::UserPage& page, arch::Access access)
      REQUIRES(lock_);
  Result<> map_page(const Vma& vma, u64 virt, PhysAddr page, arch::Access access) REQUIRES(lock_);
  /// The page at `address`, faulted in for this access: its bytes from there on. kFAULT, kNOMEM.
  Result<std::span<std::byte>> reach(u64 address, arch::Access access) REQUIRES(lock_);

  // mm_remap.cpp
  Result<u64> grow_in_place(Vma& vma, u64 new_end) REQUIRES(lock_);
  Result<u64> move_mapping(Vma& vma, u64 address, u64 old_length, u64 to, u64 new_length, u64 flags)
      REQUIRES(lock_);

  Mutex lock_;
  VmaSet vmas_ GUARDED_BY(lock_);
  arch::UserTable table_ GUARDED_BY(lock_);
  MmLimits limits_ GUARDED_BY(lock_);
  u64 mmap_base_ GUARDED_BY(lock_) = 0; // mappings without an address go below, from the top
  u64 brk_start_ GUARDED_BY(lock_) = 0;
  u64 brk_ GUARDED_BY(lock_) = 0; // exactly as asked for
  u64 resident_ GUARDED_BY(lock_) = 0;
  u64 peak_resident_ GUARDED_BY(lock_) = 0;
  u64 faults_ GUARDED_BY(lock_) = 0;

  ListNode all_mms_; // MmList (mm.cpp)
  /// CPUs that have the tables loaded, or are about to (switch_mm).
  AtomicCpuMask cpus_;
  std::atomic<u32> users_{1};
  std::atomic<u32> refs_{1}; // the users together hold one
};

// --- threads and CPUs (mm_switch.cpp)

/// The address space of the running thread; nullptr for kernel threads.
Mm* current_mm();
/// What this CPU has loaded; interrupts off. nullptr: nothing of any user.
const Mm* loaded_mm();
/// The running thread lives in `mm` (or, nullptr, in none) from now on; takes over the caller's use of it and
/// returns the old one, whose use passes to the caller: exec (put it), exit (nullptr, then put it).
Mm* replace_current_mm(Mm* mm);
/// From the context switch, interrupts off: loads the next thread's address space. nullptr (a kernel thread):
/// what is loaded stays, as no user address is touched.
void switch_mm(Mm* next);
/// This CPU loads the kernel's own tables: before it goes offline. Interrupts off.
void leave_mm();

} // namespace runnel::user
