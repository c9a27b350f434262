// SPDX-License-Identifier: Apache-2.0
// System calls that programs made and nobody carries out, counted.
#include "kernel/log/log.hpp"
#include "kernel/user/strace/strace.hpp"
#include "kernel/user/syscall_arguments.hpp"
#include "kernel/user/syscall_table.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>

namespace runnel::user {
namespace {

constinit std::atomic<u32> wanted[kNrSyscalls + 1]; // the last: numbers that are no call's

/// Every call that is carried out has its arguments described. One walk through both lists.
consteval bool are_described() {
  usize next = 0;
  for (const Syscall& call : kSyscalls)
    if (next < std::size(kSyscallArguments) && kSyscallArguments[next].name == call.name)
      ++next;
    else if (call.call != nullptr)
      return false;
  return next == std::size(kSyscallArguments);
}
static_assert(are_described(), "a call of syscall_table.hpp has no line in syscall_arguments.hpp, or one in "
                               "another place: both are in the same order");

} // namespace

void count_missing(u16 line) { wanted[std::min(line, kNrSyscalls)].fetch_add(1, std::memory_order_relaxed); }

void report_missing() {
  for (u32 i = 0; i <= kNrSyscalls; ++i)
    if (const u32 count = wanted[i].load(std::memory_order_relaxed); count != 0)
      raw_print("runnel: missing {} {}", i < kNrSyscalls ? kSyscalls[i].name : "?", count);
}

} // namespace runnel::user
