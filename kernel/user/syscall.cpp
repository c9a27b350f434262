// SPDX-License-Identifier: Apache-2.0
// From a system call's number to its implementation.
#include "kernel/user/syscall.hpp"

#include "kernel/log/log.hpp"
#include "kernel/user/rseq/slice.hpp"
#include "kernel/user/strace/strace.hpp"
#include "kernel/user/syscall_table.hpp"
#include "kernel/user/thread.hpp"

#include <arch/upcalls.hpp>

namespace runnel::user {
namespace {

constexpr u32 kTableSize = 512; // all numbers of Linux 7.2 lie below

/// Index of the line in syscalls() for each number of this architecture.
struct Index {
  u16 line[kTableSize];
};

void two_calls_of_one_number() {} // no constant expression: the build ends there

consteval Index make_index() {
  Index index{};
  for (u16& line : index.line) line = kNoNumber;
  for (u16 i = 0; i < kNrSyscalls; ++i) {
    const u16 number = arch::kGenericNumbers ? kSyscalls[i].generic : kSyscalls[i].x86_64;
    if (number == kNoNumber) continue;
    if (index.line[number] != kNoNumber) two_calls_of_one_number();
    index.line[number] = i;
  }
  return index;
}

constexpr Index kIndex = make_index();

/// Who carries out each number; nullptr: nobody.
struct Calls {
  SyscallFn of[kTableSize] = {};
};

consteval Calls make_calls() {
  Calls calls;
  for (u32 number = 0; number < kTableSize; ++number)
    if (kIndex.line[number] != kNoNumber) calls.of[number] = kSyscalls[kIndex.line[number]].call;
  return calls;
}

constexpr Calls kCalls = make_calls();

u16 line_of(u64 number) { return number < kTableSize ? kIndex.line[number] : kNoNumber; }

const Syscall* find(u64 number) {
  const u16 line = line_of(number);
  return line == kNoNumber ? nullptr : &kSyscalls[line];
}

/// Nobody carries it out.
i64 call_of_nobody(u64 number) {
  const std::string_view name = syscall_name(number);
  printk_debug("user: {}/{}: system call {} ({}) is not implemented", std::string_view(current_task().comm),
               current_task().pid, static_cast<i64>(number), name);
  count_missing(line_of(number));
  if (strace_is_on()) trace_missing(name, number);
  return negative(Errno::kNOSYS);
}

} // namespace

std::string_view syscall_name(u64 number) {
  const Syscall* call = find(number);
  return call == nullptr ? "?" : call->name;
}

void do_syscall(arch::UserRegs& regs) {
  const u64 number = regs.syscall_number();
  const SyscallFn call = number < kTableSize ? kCalls.of[number] : nullptr;
  if (call == nullptr) [[unlikely]] {
    regs.set_syscall_result(call_of_nobody(number));
    return;
  }
  // execve and sigreturn leave other registers than they found: their result is in place.
  const i64 result = strace_is_on() ? traced_call(*find(number), regs) : call(regs);
  if (regs.in_syscall()) regs.set_syscall_result(result);
}

} // namespace runnel::user

namespace runnel::upcall {

void syscall(arch::UserRegs& regs) {
  user::Thread& self = user::current_thread();
  if (self.rseq.slice.granted) [[unlikely]]
    user::rseq::end_slice(self, user::syscall_name(regs.syscall_number()) == "rseq_slice_yield");
  user::do_syscall(regs);
  if (user::rseq::strict.load(std::memory_order_relaxed)) [[unlikely]]
    user::rseq::check_system_call(user::current_thread(), regs);
}

} // namespace runnel::upcall
