// SPDX-License-Identifier: Apache-2.0
// The ids in user memory: stored when they are not what was stored last (spec rseq_mm_cid 3.5).
#include "kernel/log/log.hpp"
#include "kernel/smp/cpumask.hpp"
#include "kernel/sync/preempt.hpp"
#include "kernel/user/rseq/access.hpp"
#include "kernel/user/rseq/section.hpp"

namespace runnel::user::rseq {
namespace {

/// Whoever writes to what is the kernel's alone loses: others may have computed with it (spec 1.7, 4).
/// False: a fault.
bool read_back(const Access& access, const Thread& self, bool& touched) {
  const u64 area = self.rseq.area;
  const Ids& last = self.rseq.ids;
  u32 start = 0, cpu = 0, node = 0, cid = 0;
  if (!access.load(area + kCpuIdStart, start) || !access.load(area + kCpuId, cpu) ||
      !access.load(area + kNodeId, node) || !access.load(area + kMmCid, cid))
    return false;
  touched = start != last.cpu || cpu != last.cpu || node != last.node || cid != last.cid;
  return true;
}

} // namespace

Ids current_ids() {
  const CpuId cpu = arch::Cpu::this_cpu();
  return {.cpu = cpu.value, .node = machine_info().cpus[cpu.value].node, .cid = current_task().cid.number()};
}

Outcome store_ids(Thread& self, const Ids& now, u64& section) {
  const u64 area = self.rseq.area;
  const bool legacy = self.task->rseq_event.version == 1;
  const bool checks = (!legacy || strict.load(std::memory_order_relaxed)) && !self.rseq.torn;
  bool touched = false;
  {
    const Access access;
    if (checks && !read_back(access, self, touched)) return Outcome::kFault;
    if (!touched && (!access.store(area + kCpuIdStart, now.cpu) || !access.store(area + kCpuId, now.cpu) ||
                     !access.store(area + kNodeId, now.node) || !access.store(area + kMmCid, now.cid) ||
                     !access.load(area + kSection, section) ||
                     (!legacy && !access.store(area + kSliceControl, u32{0})))) {
      self.rseq.torn = true;
      return Outcome::kFault;
    }
  }
  if (touched) {
    if (arch::Cpu::irqs_enabled())
      printk("rseq: {}/{}: a field of struct rseq that is the kernel's was written to",
             std::string_view(self.task->comm), self.tid());
    return Outcome::kFatal;
  }
  self.rseq.ids = now;
  self.rseq.torn = self.rseq.behind = false;
  const PreemptGuard stays;
  ++statistics.local().ids;
  return Outcome::kDone;
}

} // namespace runnel::user::rseq
