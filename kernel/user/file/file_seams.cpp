// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/file/file_seams.hpp"

#include "kernel/fs/seams.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/signal/signal.hpp"
#include "kernel/user/tree.hpp"
#include "kernel/user/uaccess.hpp"

namespace runnel::user {

void connect_files() {
  fs::seams = {
      .copy_to_user = [](u64 to, const void* from,
                         usize size) { return size - copy_to_user_some(to, from, size); },
      .copy_from_user = [](void* to, u64 from,
                           usize size) { return size - copy_from_user_some(to, from, size); },
      .raise_sigpipe =
          [] {
            if (current_thread_or_null() != nullptr) send_signal_to_self(kSigPipe);
          },
      .realtime_offset = [] { return static_cast<i64>(kRealtimeAtBoot); },
      .current_ids =
          [](u32& uid, u32& gid) {
            const Thread* const thread = current_thread_or_null();
            uid = thread != nullptr ? thread->process->credentials.fsuid : 0;
            gid = thread != nullptr ? thread->process->credentials.fsgid : 0;
          },
      .current_group =
          [] {
            const SpinGuard guard(tree_lock);
            return current_process().pgid;
          },
      .signal_group =
          [](u32 group, i32 signal) {
            const SpinGuard guard(tree_lock);
            for_each_process([&](Process& process) {
              if (process.pgid == group)
                static_cast<void>(send_signal(process, SigInfo::from_kernel(signal)));
            });
          },
  };
}

} // namespace runnel::user
