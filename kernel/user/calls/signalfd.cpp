// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/signal/signalfd.hpp"

#include "kernel/user/file/call_support.hpp"
#include "kernel/user/file/calls.hpp"

namespace runnel::user {

i64 sys_signalfd4(i32 fd, u64 from, u64 size, u32 flags) {
  if (size != sizeof(SigSet)) return negative(Errno::kINVAL);
  const auto wanted = read_user<SigSet>(from);
  if (!wanted) return negative(wanted.error());
  if ((flags & ~u32{fs::kCloseOnExec | fs::kNonBlock}) != 0) return negative(Errno::kINVAL);
  const SigSet mask = *wanted & ~kUnblockable;
  if (fd == -1) return new_descriptor(SignalFile::create(mask, flags), flags);
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  SignalFile* const signals = SignalFile::from(**file);
  if (signals == nullptr) return negative(Errno::kINVAL);
  signals->set_mask(mask);
  return fd;
}

i64 sys_signalfd(i32 fd, u64 from, u64 size) { return sys_signalfd4(fd, from, size, 0); }

} // namespace runnel::user
