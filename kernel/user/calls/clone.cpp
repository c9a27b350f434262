// SPDX-License-Identifier: Apache-2.0
// clone, clone3, fork, vfork.
#include "kernel/user/clone.hpp"

#include "kernel/user/calls.hpp"
#include "kernel/user/signal/sigset.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

i64 clone(const CloneArgs& args, const arch::UserRegs& regs) {
  const auto tid = do_clone(args, regs);
  if (tid) return *tid;
  return tid.error() == Errno::kINTR ? kRestartNoIntr : negative(tid.error());
}

/// Whether all of the user's bytes [from, from + size) are 0. kFAULT.
Result<bool> is_zero(u64 from, u64 size) {
  for (; size != 0; ++from, --size) {
    const auto byte = read_user<u8>(from);
    if (!byte) return err(byte.error());
    if (*byte != 0) return false;
  }
  return true;
}

Result<CloneArgs> read_args(u64 from, u64 size) {
  if (size > kCloneArgsLargest) return err(Errno::kE2BIG);
  if (size < kCloneArgsFirst) return err(Errno::kINVAL);
  CloneArgs args;
  RUNNEL_TRY(copy_from_user(&args, from, std::min<u64>(size, sizeof args)));
  if (size > sizeof args) {
    const auto zero = is_zero(from + sizeof args, size - sizeof args);
    if (!zero) return err(zero.error());
    if (!*zero) return err(Errno::kE2BIG);
  }
  RUNNEL_TRY(check_clone3(args, size, arch::kUserEnd));
  return args;
}

/// The older calls' arguments in clone3's form.
i64 legacy(const arch::UserRegs& regs, u64 flags, u64 stack, u64 parent_tid, u64 child_tid, u64 tls) {
  CloneArgs args{.flags = flags & 0xffff'ffff & ~u64{kCloneSignalMask} & ~u64{kCloneDetached},
                 .child_tid = child_tid,
                 .parent_tid = parent_tid,
                 .exit_signal = flags & kCloneSignalMask,
                 .stack = stack,
                 .tls = tls};
  if (args.has(kClonePidfd)) {
    if ((flags & (kCloneParentSetTid | kCloneDetached)) != 0) return negative(Errno::kINVAL);
    args.pidfd = parent_tid;
  }
  return clone(args, regs);
}

} // namespace

i64 sys_clone(arch::UserRegs& regs, u64 flags, u64 stack, u64 parent_tid, u64 fourth, u64 fifth) {
  // The last two have changed places between the architectures.
  return arch::kGenericNumbers ? legacy(regs, flags, stack, parent_tid, fifth, fourth)
                               : legacy(regs, flags, stack, parent_tid, fourth, fifth);
}

i64 sys_clone3(arch::UserRegs& regs, u64 from, u64 size) {
  const auto args = read_args(from, size);
  return args ? clone(*args, regs) : negative(args.error());
}

i64 sys_fork(arch::UserRegs& regs) { return legacy(regs, kSigChld, 0, 0, 0, 0); }
i64 sys_vfork(arch::UserRegs& regs) { return legacy(regs, kCloneVfork | kCloneVm | kSigChld, 0, 0, 0, 0); }

} // namespace runnel::user
