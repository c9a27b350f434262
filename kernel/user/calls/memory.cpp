// SPDX-License-Identifier: Apache-2.0
// mmap and its family: the user's arguments to Mm's.
#include "kernel/user/calls.hpp"
#include "kernel/user/file/file_table.hpp"
#include "kernel/user/mm/mm.hpp"
#include "kernel/user/process.hpp"
#include "kernel/user/syscall.hpp"
#include "kernel/user/uaccess.hpp"

#include <algorithm>

namespace runnel::user {

i64 sys_brk(u64 address) { return static_cast<i64>(current_mm()->brk(address)); }

i64 sys_mmap(u64 address, u64 length, u64 prot, u64 flags, i32 fd, u64 offset) {
  if ((offset & (kPageSize - 1)) != 0) return negative(Errno::kINVAL);
  MapRequest request{.address = address, .length = length, .prot = prot, .flags = flags, .offset = offset};
  FilePtr file; // keeps the object while it is being mapped
  if ((flags & kMAP_ANONYMOUS) == 0) {
    auto found = current_process().files->find(fd);
    if (!found) return negative(found.error());
    file = std::move(*found);
    if (file->is_path()) return negative(Errno::kBADF);
    if (!file->is_readable()) return negative(Errno::kACCES);
    const auto object = file->vm_object();
    if (!object) return negative(object.error());
    request.object = *object;
    if (!file->is_writable() && (flags & kMAP_TYPE) != kMAP_PRIVATE) request.may &= ~u32{kVmMayWrite};
  }
  return to_syscall(current_mm()->mmap(request));
}

i64 sys_munmap(u64 address, u64 length) { return to_syscall(current_mm()->munmap(address, length)); }

i64 sys_mprotect(u64 address, u64 length, u64 prot) {
  return to_syscall(current_mm()->mprotect(address, length, prot));
}

i64 sys_mremap(u64 old_address, u64 old_length, u64 new_length, u64 flags, u64 new_address) {
  return to_syscall(current_mm()->mremap(old_address, old_length, new_length, flags, new_address));
}

i64 sys_madvise(u64 address, u64 length, i32 advice) {
  return to_syscall(current_mm()->madvise(address, length, advice));
}

i64 sys_msync(u64 address, u64 length, i32 flags) {
  return to_syscall(current_mm()->msync(address, length, static_cast<u64>(flags)));
}

i64 sys_mincore(u64 address, u64 length, u64 to) {
  if ((address & (kPageSize - 1)) != 0) return negative(Errno::kINVAL);
  if (!is_user_range(address, length)) return negative(Errno::kNOMEM);
  u64 pages = align_up(length, kPageSize) / kPageSize;
  u8 resident[256];
  while (pages > 0) {
    const u64 n = std::min<u64>(pages, sizeof resident);
    if (const auto asked = current_mm()->mincore(address, {resident, n}); !asked)
      return negative(asked.error());
    if (const auto copied = copy_to_user(to, resident, n); !copied) return negative(copied.error());
    address += n * kPageSize;
    to += n;
    pages -= n;
  }
  return 0;
}

// Nothing is ever swapped out, so what is resident stays.
i64 sys_mlock(u64, u64) { return 0; }
i64 sys_mlock2(u64, u64, u32 flags) { return flags <= 1 ? 0 : negative(Errno::kINVAL); }
i64 sys_munlock(u64, u64) { return 0; }
i64 sys_mlockall(u32 flags) { return flags != 0 && flags <= 7 ? 0 : negative(Errno::kINVAL); }
i64 sys_munlockall() { return 0; }

} // namespace runnel::user
