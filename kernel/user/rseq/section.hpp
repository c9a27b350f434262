// SPDX-License-Identifier: Apache-2.0
// What the two ways out to user mode are made of.
#pragma once

#include "kernel/user/rseq/leave_rules.hpp"
#include "kernel/user/rseq/rseq.hpp"

namespace runnel::user::rseq {

/// Spec 2.3, and 2.4 in strict mode: looks at the descriptor at `section` (not 0) and moves the thread to its
/// abort handler when it is within the section.
Outcome evaluate(Thread& self, arch::UserRegs& regs, u64 section);

/// The thread's rseq_cs; the second also takes back what it asked of the scheduler (5.4).
Outcome load_section_after_switch(const Thread& self, u64& section);
Outcome load_section(const Thread& self, u64& section);
/// The ids as they are now: stored, and rseq_cs loaded, in one go of user access.
Outcome store_ids(Thread& self, const Ids& now, u64& section);
/// Those of the CPU this runs on. The caller stays there.
Ids current_ids();

} // namespace runnel::user::rseq
