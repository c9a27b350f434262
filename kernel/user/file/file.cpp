// SPDX-License-Identifier: Apache-2.0
// What a file of no particular kind can do: nothing.
#include "kernel/user/file/file.hpp"

#include "kernel/user/syscall.hpp"

namespace runnel::user {

i64 File::read(UserBuffer&, u64&) { return negative(Errno::kINVAL); }
i64 File::write(UserBuffer&, u64&) { return negative(Errno::kINVAL); }
i64 File::seek(i64, Whence) { return negative(Errno::kSPIPE); }
i64 File::ioctl(u32, u64) { return negative(Errno::kNOTTY); }
u32 File::poll(PollTable*) { return kPollIn | kPollOut; }
Result<VmObject*> File::map_object() { return err(Errno::kNODEV); }

} // namespace runnel::user
