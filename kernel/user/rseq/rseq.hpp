// SPDX-License-Identifier: Apache-2.0
// Restartable sequences (spec rseq_mm_cid 1 to 3): a thread registers a struct rseq, in which it finds its
// CPU's number and its concurrency id, and a critical section of which the kernel aborts when the thread is
// preempted, moved or gets a signal within it.
//
// Who notes what: sched/ that the thread has another CPU or CID; note_user_entry that it came by an
// interrupt; note_switch_in that it was switched to. leave_fast does the work with interrupts off and no
// faults allowed, on the last yards to user mode; where user memory is not there, leave_slow does it
// (kWorkRseq).
#pragma once

#include "kernel/user/rseq/statistics.hpp"
#include "kernel/user/thread.hpp"

namespace runnel::user::rseq {

/// The strict mode (rseq=strict): also what is only a program's fault ends it, with a line that names the
/// instruction (spec 2.4, 3.9).
extern std::atomic<bool> strict;

/// rseq=classic: what Linux did before there was an event word, to be measured against: every registration is
/// a legacy one, every switch and signal leads through the slow path, and a null rseq_cs is "cleared" too.
extern std::atomic<bool> classic;

/// The current thread's ids are stored anew and its section looked at before it is in user mode again.
void force_update(Thread& self);

/// What is left on the way out, with interrupts off: event.switched is set. False: not done, and the slow
/// path is asked for.
bool leave_fast(Thread& self, arch::UserRegs& regs);
/// kWorkRseq: interrupts on. The thread gets a SIGSEGV when its data are bad.
void leave_slow(Thread& self, arch::UserRegs& regs);
/// Before a signal's frame is written, the system call's restart being settled. False: the thread's data are
/// bad, it is to have a SIGSEGV in place of the frame.
bool before_signal(Thread& self, arch::UserRegs& regs);

/// fork: the child has all its parent has. Before it runs.
void inherit(Thread& child, const Thread& self);
/// exec: the new program has to register.
void forget(Thread& self);
/// In strict mode, at the end of each system call: none is made within a section.
void check_system_call(Thread& self, arch::UserRegs& regs);

/// On this CPU, from membarrier's interrupt: whoever runs here leaves his section.
void interrupt_section();

} // namespace runnel::user::rseq
