// SPDX-License-Identifier: Apache-2.0
// Critical sections: is the thread in one, and what then (spec rseq_mm_cid 2).
#include "kernel/user/rseq/section.hpp"
#include "kernel/user/rseq/access.hpp"
#include "kernel/user/rseq/range.hpp"

#include "kernel/log/log.hpp"
#include "kernel/sync/preempt.hpp"

namespace runnel::user::rseq {

constinit std::atomic<bool> strict{false};

namespace {

/// What was found. `complaint` belongs to kFatal.
struct Finding {
  Outcome outcome = Outcome::kDone;
  bool inside = false;
  const char* complaint = nullptr;
};
constexpr Finding kFaulted{.outcome = Outcome::kFault};
constexpr Finding fatal(const char* complaint) { return {Outcome::kFatal, false, complaint}; }

Finding check_signature(const Thread& self, const Access& access, u64 abort) {
  u32 signature = 0;
  if (!access.load(abort - sizeof signature, signature)) return kFaulted;
  if (signature != self.rseq.signature) return fatal("no signature before a section's abort handler");
  return {.inside = true};
}

/// Spec 2.3.
Finding find(const Thread& self, const Access& access, const Section& s, u64 pc) {
  if (!is_within(s, pc)) return {};
  if (!is_in_user_space(s.abort, arch::kUserEnd))
    return fatal("a section's abort handler is not in user space");
  return check_signature(self, access, s.abort);
}

/// Spec 2.4.
Finding find_strictly(const Thread& self, const Access& access, const Section& s, u64 descriptor, u64 pc) {
  const StrictRange range = strict_range(s, pc, arch::kUserEnd);
  if (range == StrictRange::kStartsBeyond) return fatal("a section starts beyond user space");
  if (range == StrictRange::kEndsBeyond) return fatal("a section ends beyond user space");
  if (range == StrictRange::kOutside) return {};
  if (!is_in_user_space(s.abort, arch::kUserEnd))
    return fatal("a section's abort handler is not in user space");
  if (is_within(s, s.abort)) return fatal("an abort handler lies within its section");
  u64 version = 0;
  if (!access.load(descriptor + kVersionAndFlags, version)) return kFaulted;
  if (version != 0) return fatal("version or flags of a struct rseq_cs are not 0");
  const Finding found = check_signature(self, access, s.abort);
  if (found.outcome != Outcome::kDone) return found;
  if (self.task->rseq_event.user_entry == 0) return fatal("a system call within a section");
  return found;
}

Finding look(const Thread& self, u64 pc, u64 descriptor, Section& s) {
  if (descriptor >= arch::kUserEnd) return fatal("rseq_cs points out of user space");
  const Access access;
  if (!access.load(descriptor + kStart, s.start) || !access.load(descriptor + kPostCommitOffset, s.size) ||
      !access.load(descriptor + kAbort, s.abort))
    return kFaulted;
  const Finding found = strict.load(std::memory_order_relaxed)
                            ? find_strictly(self, access, s, descriptor, pc)
                            : find(self, access, s, pc);
  if (found.outcome != Outcome::kDone) return found;
  // Before the thread is moved: were it moved and this failed, the section would be aborted twice.
  return access.store(self.rseq.area + kSection, u64{0}) ? found : kFaulted;
}

} // namespace

Outcome load_section(const Thread& self, u64& section) {
  const Access access;
  return access.load(self.rseq.area + kSection, section) ? Outcome::kDone : Outcome::kFault;
}

Outcome load_section_after_switch(const Thread& self, u64& section) {
  const u64 area = self.rseq.area;
  const Access access;
  if (!access.load(area + kSection, section)) return Outcome::kFault;
  if (self.task->rseq_event.version == 2 && !access.store(area + kSliceControl, u32{0}))
    return Outcome::kFault;
  return Outcome::kDone;
}

Outcome evaluate(Thread& self, arch::UserRegs& regs, u64 descriptor) {
  Section section;
  const Finding found = look(self, regs.pc(), descriptor, section);
  if (found.outcome == Outcome::kFatal && arch::Cpu::irqs_enabled()) // once: the fast path asks for the slow
    printk("rseq: {}/{}: {}, pc {:#x}", std::string_view(self.task->comm), self.tid(), found.complaint,
           regs.pc());
  const PreemptGuard stays;
  Statistics& here = statistics.local();
  ++here.section;
  if (found.outcome != Outcome::kDone) return found.outcome;
  ++(found.inside ? here.fixup : here.clear);
  if (found.inside) regs.set_pc(section.abort);
  return Outcome::kDone;
}

} // namespace runnel::user::rseq
