// SPDX-License-Identifier: Apache-2.0
// clone3's arguments and which combinations of flags are refused, in the order that is seen (spec clone_ns
// 2). Pure: no process is looked at but through CloneCaller.
#pragma once

#include "kernel/lib/errno.hpp"
#include "kernel/lib/types.hpp"

namespace runnel::user {

enum CloneFlags : u64 {
  kCloneSignalMask = 0xff, // legacy clone: the exit signal
  kCloneNewTime = 0x80,
  kCloneVm = 0x100,
  kCloneFs = 0x200,
  kCloneFiles = 0x400,
  kCloneSighand = 0x800,
  kClonePidfd = 0x1000,
  kClonePtrace = 0x2000,
  kCloneVfork = 0x4000,
  kCloneParent = 0x8000,
  kCloneThread = 0x1'0000,
  kCloneNewNs = 0x2'0000,
  kCloneSysvSem = 0x4'0000,
  kCloneSetTls = 0x8'0000,
  kCloneParentSetTid = 0x10'0000,
  kCloneChildClearTid = 0x20'0000,
  kCloneDetached = 0x40'0000,
  kCloneUntraced = 0x80'0000,
  kCloneChildSetTid = 0x100'0000,
  kCloneNewCgroup = 0x200'0000,
  kCloneNewUts = 0x400'0000,
  kCloneNewIpc = 0x800'0000,
  kCloneNewUser = 0x1000'0000,
  kCloneNewPid = 0x2000'0000,
  kCloneNewNet = 0x4000'0000,
  kCloneIo = 0x8000'0000,
  kCloneClearSighand = u64{1} << 32,
  kCloneIntoCgroup = u64{1} << 33,
  kCloneAutoreap = u64{1} << 34,
  kCloneNnp = u64{1} << 35,
  kClonePidfdAutokill = u64{1} << 36,
  kCloneEmptyMntns = u64{1} << 37,
};
inline constexpr u64 kCloneNamespaces = kCloneNewTime | kCloneNewNs | kCloneNewCgroup | kCloneNewUts |
                                        kCloneNewIpc | kCloneNewUser | kCloneNewPid | kCloneNewNet |
                                        kCloneEmptyMntns;

/// struct clone_args.
struct CloneArgs {
  u64 flags = 0;
  u64 pidfd = 0;
  u64 child_tid = 0;
  u64 parent_tid = 0;
  u64 exit_signal = 0;
  u64 stack = 0; // lowest address
  u64 stack_size = 0;
  u64 tls = 0;
  u64 set_tid = 0;
  u64 set_tid_size = 0;
  u64 cgroup = 0;

  bool has(u64 flag) const { return (flags & flag) != 0; }
};
inline constexpr u64 kCloneArgsFirst = 64;     // size of the first version
inline constexpr u64 kCloneArgsLargest = 4096; // what is looked at at all
static_assert(sizeof(CloneArgs) == 88);

/// What of the caller the rules depend on.
struct CloneCaller {
  bool is_namespace_init = false;
  bool is_autoreap = false;
};

/// Rules A5 to A8, B1 to B5: what only clone3 checks. `size`: as the user gave it.
constexpr Result<> check_clone3(const CloneArgs& args, u64 size, u64 user_end) {
  constexpr u64 kMaxPidLevels = 32;
  constexpr u64 kAllFlags = (u64{1} << 38) - 1;
  constexpr u64 kMaxInt = 0x7fff'ffff;
  const auto invalid = [] { return err(Errno::kINVAL); };
  if (args.set_tid_size > kMaxPidLevels) return invalid();
  if ((args.set_tid == 0) != (args.set_tid_size == 0)) return invalid();
  if ((args.exit_signal & ~kCloneSignalMask) != 0) return invalid();
  if (args.has(kCloneIntoCgroup) && (size < sizeof(CloneArgs) || args.cgroup > kMaxInt)) return invalid();
  if ((args.flags & ~kAllFlags) != 0) return invalid();
  if (args.has(kCloneDetached) || (args.flags & (kCloneSignalMask & ~kCloneNewTime)) != 0) return invalid();
  if (args.has(kCloneSighand) && args.has(kCloneClearSighand)) return invalid();
  if (args.has(kCloneThread | kCloneParent) && args.exit_signal != 0) return invalid();
  if ((args.stack == 0) != (args.stack_size == 0)) return invalid();
  if (args.stack_size > user_end || args.stack > user_end - args.stack_size) return invalid();
  return {};
}

/// Rules C1 to D11, of clone and clone3. `flags` without the exit signal.
constexpr Result<> check_clone(const CloneArgs& args, const CloneCaller& caller) {
  constexpr u64 kLastSignal = 64;
  const auto invalid = [] { return err(Errno::kINVAL); };
  const u64 flags = args.flags | (args.has(kCloneEmptyMntns) ? u64{kCloneNewNs} : 0);
  const auto has = [flags](u64 flag) { return (flags & flag) != 0; };
  const bool thread = has(kCloneThread);
  if (has(kClonePidfd) && has(kCloneParentSetTid) && args.pidfd == args.parent_tid) return invalid();
  if (args.exit_signal > kLastSignal) return invalid();
  if (has(kCloneNewNs | kCloneNewUser) && has(kCloneFs)) return invalid();
  if (thread && !has(kCloneSighand)) return invalid();
  if (has(kCloneSighand) && !has(kCloneVm)) return invalid();
  if (has(kCloneParent) && caller.is_namespace_init) return invalid();
  if (thread && has(kCloneNewUser | kCloneNewPid)) return invalid();
  if (has(kClonePidfd) && has(kCloneDetached)) return invalid();
  if (has(kCloneAutoreap) && (thread || has(kCloneParent) || args.exit_signal != 0)) return invalid();
  if (has(kCloneParent) && caller.is_autoreap) return invalid();
  if (has(kCloneNnp) && thread) return invalid();
  if (has(kClonePidfdAutokill) && (!has(kClonePidfd) || !has(kCloneAutoreap) || thread)) return invalid();
  return {};
}

} // namespace runnel::user
