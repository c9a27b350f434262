// SPDX-License-Identifier: Apache-2.0
// The system call rseq(): what is refused and why, in the order of spec rseq_mm_cid 1.4.
#include "kernel/sync/preempt.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/rseq/access.hpp"
#include "kernel/user/rseq/slice.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {
namespace {

using namespace rseq;

bool store_unregistered(u64 area) {
  const Access access;
  return access.store(area + kCpuIdStart, u32{0}) && access.store(area + kCpuId, kCpuUninitialised) &&
         access.store(area + kNodeId, u32{0}) && access.store(area + kMmCid, u32{0});
}

bool store_registered(u64 area, u32 version, u32 flags) {
  const Access access;
  return access.store(area + kSection, u64{0}) && access.store(area + kFlags, flags) &&
         access.store(area + kCpuIdStart, kCpuUninitialised) &&
         access.store(area + kCpuId, kCpuUninitialised) && access.store(area + kNodeId, u32{0}) &&
         access.store(area + kMmCid, u32{0}) && (version == 1 || access.store(area + kSliceControl, u32{0}));
}

i64 unregister(Thread& self, u64 area, u32 length, u32 flags, u32 signature) {
  const State& mine = self.rseq;
  if (flags != kUnregister || mine.area == 0 || area != mine.area || length != mine.length)
    return negative(Errno::kINVAL);
  if (signature != mine.signature) return negative(Errno::kPERM);
  if (!store_unregistered(area)) {
    force_signal(SigInfo::from_kernel(kSigSegv));
    return negative(Errno::kFAULT);
  }
  forget(self);
  return 0;
}

} // namespace

i64 sys_rseq(u64 area, u32 length, u32 flags, u32 signature) {
  Thread& self = current_thread();
  if ((flags & kUnregister) != 0) return unregister(self, area, length, flags, signature);
  if ((flags & ~kSliceDefaultOn) != 0) return negative(Errno::kINVAL);
  if (self.rseq.area != 0) {
    if (area != self.rseq.area || length != self.rseq.length) return negative(Errno::kINVAL);
    return negative(signature != self.rseq.signature ? Errno::kPERM : Errno::kBUSY);
  }
  if (length < kLegacySize) return negative(Errno::kINVAL);
  const bool legacy = length == kLegacySize;
  if (area % (legacy ? kLegacyAlign : kAlign) != 0 || (!legacy && length < kFeatureSize))
    return negative(Errno::kINVAL);
  if (!is_user_range(area, length)) return negative(Errno::kFAULT);
  const u8 version = legacy || classic.load(std::memory_order_relaxed) ? 1 : 2;
  const u32 in_area = version == 1 ? 0 : slice_flags(flags);
  if (!store_registered(area, version, in_area)) return negative(Errno::kFAULT);
  const IrqGuard irqs_off; // no switch sees half of it
  self.rseq = {.area = area, .length = length, .signature = signature, .ids = {}, .slice = {}};
  self.rseq.slice.enabled = (in_area & kSliceEnabled) != 0;
  self.task->rseq_event.version = version;
  force_update(self); // this very call ends with the true ids in place
  return 0;
}

} // namespace runnel::user
