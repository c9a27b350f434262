// SPDX-License-Identifier: Apache-2.0
// New threads and processes from the current one.
#pragma once

#include "kernel/user/clone_rules.hpp"
#include "kernel/user/thread.hpp"

namespace runnel::user {

/// clone3's work behind the copy of its arguments (args.stack is the lowest address, as clone3 has it): the
/// number of the new thread or process, which goes on behind the system call in `regs` with result 0. Errors
/// as spec clone_ns 2; kRESTARTNOINTR's place is taken by kINTR: a signal came first, the call is to be
/// restarted.
Result<u32> do_clone(const CloneArgs& args, const arch::UserRegs& regs);

} // namespace runnel::user
