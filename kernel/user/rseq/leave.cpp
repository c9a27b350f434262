// SPDX-License-Identifier: Apache-2.0
// The ways out to user mode (spec rseq_mm_cid 3.5 to 3.7) and what happens to a registration in a thread's
// life (3.8).
#include "kernel/sync/preempt.hpp"
#include "kernel/user/rseq/section.hpp"
#include "kernel/user/rseq/slice.hpp"
#include "kernel/user/rseq/test_points.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user::rseq {

constinit std::atomic<bool> classic{false};

namespace {

/// What rseq=classic counts, too.
Outcome clear_nothing(const Thread& self) {
  if (!classic.load(std::memory_order_relaxed)) return Outcome::kDone;
  if (!store_user<u64>(self.rseq.area + kSection, 0)) return Outcome::kFault;
  const PreemptGuard stays;
  ++statistics.local().section;
  ++statistics.local().clear;
  return Outcome::kDone;
}

/// The ids when they may be others, then the section when the thread may be in one.
Outcome update(Thread& self, arch::UserRegs& regs, const Ids* ids) {
  u64 section = 0;
  const Outcome got =
      ids != nullptr ? store_ids(self, *ids, section) : load_section_after_switch(self, section);
  if (got != Outcome::kDone) return got;
  revoke(self); // slice_ctrl has been cleared with the rest
  if (section == 0) return clear_nothing(self);
  // After a system call there is nothing to abort: a section makes none (spec 1.7, note).
  const bool looks_always = strict.load(std::memory_order_relaxed) || classic.load(std::memory_order_relaxed);
  if (self.task->rseq_event.user_entry == 0 && !looks_always) return got;
  return evaluate(self, regs, section);
}

/// The ground of leave_rules.hpp.
struct Ground {
  using IrqsOff = IrqGuard;

  Thread& self;
  arch::UserRegs& regs;
  Ids now;

  Outcome update(bool ids) {
    if (ids) now = current_ids();
    return rseq::update(self, regs, ids ? &now : nullptr);
  }
  void ask_for_slow() const { self.work.fetch_or(kWorkRseq, std::memory_order_relaxed); }
  void sample() {
    ++statistics.local().slow;
    now = current_ids();
  }
  Outcome update_sampled() { return rseq::update(self, regs, &now); }
  Outcome look_before_signal() const {
    {
      const PreemptGuard stays;
      ++statistics.local().signal;
    }
    u64 section = 0;
    const Outcome outcome = load_section(self, section);
    if (outcome != Outcome::kDone) return outcome;
    return section != 0 ? evaluate(self, regs, section) : clear_nothing(self);
  }
};

} // namespace

void force_update(Thread& self) {
  if (self.task->rseq_event.version != 0) self.task->rseq_event.force();
}

bool leave_fast(Thread& self, arch::UserRegs& regs) {
  sched::RseqEvent& event = self.task->rseq_event;
  if (classic.load(std::memory_order_relaxed)) {
    event.slow = 1;
    self.work.fetch_or(kWorkRseq, std::memory_order_relaxed);
    return false;
  }
  ++statistics.local().fast;
  const FastPathProbe probe;
  Ground ground{self, regs, {}};
  if (!leave_fast(event, ground)) return false;
  probe.done();
  return true;
}

void leave_slow(Thread& self, arch::UserRegs& regs) {
  Ground ground{self, regs, {}};
  if (leave_slow(self.task->rseq_event, ground)) return;
  self.rseq.behind = true;
  force_signal(SigInfo::from_kernel(kSigSegv));
}

bool before_signal(Thread& self, arch::UserRegs& regs) {
  Ground ground{self, regs, {}};
  return before_signal(self.task->rseq_event, ground);
}

void inherit(Thread& child, const Thread& self) {
  child.rseq = self.rseq;
  child.task->rseq_event = self.task->rseq_event;
}

void forget(Thread& self) {
  const IrqGuard irqs_off;
  self.rseq = {};
  self.task->rseq_event = {};
}

void check_system_call(Thread& self, arch::UserRegs& regs) {
  if (self.task->rseq_event.version == 0) return;
  u64 section = 0;
  Outcome outcome = load_section(self, section);
  if (outcome == Outcome::kDone && section != 0) outcome = evaluate(self, regs, section);
  if (outcome != Outcome::kDone) force_signal(SigInfo::from_kernel(kSigSegv));
}

void interrupt_section() {
  Thread* const self = current_thread_or_null();
  if (self == nullptr) return;
  note_switch_in(self->task->rseq_event);
  // Nothing was switched, but an extension ends: what it has put off is due now, and nobody asks for it
  // again.
  if (self->rseq.slice.granted) self->task->thread.flags.fetch_or(kNeedResched, std::memory_order_relaxed);
}

} // namespace runnel::user::rseq
