// SPDX-License-Identifier: Apache-2.0
// What programs ask of the kernel, told on the console: every call with --strace ("runnel: strace TID
// read(0, "x", 1) = 1"), and at the end of a run how often a call that is not there was wanted.
#pragma once

#include "kernel/user/syscall.hpp"

namespace runnel::user {

enum class Strace : u8 { kOff, kOn };
/// Before the first program.
void set_strace(Strace strace);
bool strace_is_on();

/// Makes the call and tells it. Its result.
i64 traced_call(const Syscall& call, arch::UserRegs& regs);
/// A call by a name or, with none, by its number that nobody carries out.
void trace_missing(std::string_view name, u64 number);
/// A signal is about to be delivered.
void trace_signal(i32 signo);
/// The process ends with this wait status.
void trace_end(i32 status);

/// A call without an implementation was made. `line`: of the table; kNoNumber: the number is not in it.
void count_missing(u16 line);
/// A line for each such call: "runnel: missing NAME COUNT".
void report_missing();

} // namespace runnel::user
