// SPDX-License-Identifier: Apache-2.0
// A system call as text, in the form strace gives it. Pure: memory is reached by who asks.
#pragma once

#include "kernel/lib/format.hpp"
#include "kernel/user/syscall_arguments.hpp"

namespace runnel::user {

/// The memory of who makes the call.
class CallMemory {
 public:
  /// How many of the bytes at `from` could be read, from the start.
  virtual usize read(void* to, u64 from, usize size) = 0;

 protected:
  ~CallMemory() = default;
};

struct TracedCall {
  std::string_view name;
  std::string_view kinds; // syscall_arguments()
  u64 arguments[6];
};

/// `name(` and the arguments that are known before the call is made, with the commas between them; how many.
u32 format_entry(Sink& sink, const TracedCall& call, CallMemory& memory);
/// The arguments from `first` on, what the call filled among them, `)`, and the result.
void format_exit(Sink& sink, const TracedCall& call, u32 first, i64 result, CallMemory& memory);

/// "SIGTERM", "SIGRT_3", or the number.
void format_signal(Sink& sink, u64 number);

} // namespace runnel::user
