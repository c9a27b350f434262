// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/uaccess.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::user {

usize copy_from_user_some(void* to, u64 from, usize size) {
  check_may_access();
  if (!is_user_range(from, size)) return 0;
  return size - arch::uaccess_copy_from(to, from, size);
}

usize copy_to_user_some(u64 to, const void* from, usize size) {
  check_may_access();
  if (!is_user_range(to, size)) return 0;
  return size - arch::uaccess_copy_to(to, from, size);
}

Result<> copy_from_user(void* to, u64 from, usize size) {
  check_may_access();
  if (!is_user_range(from, size) || arch::uaccess_copy_from(to, from, size) != 0) return err(Errno::kFAULT);
  return {};
}

Result<> copy_to_user(u64 to, const void* from, usize size) {
  check_may_access();
  if (!is_user_range(to, size) || arch::uaccess_copy_to(to, from, size) != 0) return err(Errno::kFAULT);
  return {};
}

Result<> clear_user(u64 to, usize size) {
  check_may_access();
  if (!is_user_range(to, size) || arch::uaccess_clear(to, size) != 0) return err(Errno::kFAULT);
  return {};
}

Result<usize> read_user_string(std::span<char> buffer, u64 from) {
  // Page by page: a string may end just before a page that is not there.
  for (usize done = 0; done < buffer.size();) {
    const u64 address = from + done;
    const usize to_page_end = kPageSize - (address & (kPageSize - 1));
    const usize chunk = std::min(to_page_end, buffer.size() - done);
    RUNNEL_TRY(copy_from_user(buffer.data() + done, address, chunk));
    if (const void* end = std::memchr(buffer.data() + done, '\0', chunk))
      return static_cast<usize>(static_cast<const char*>(end) - buffer.data());
    done += chunk;
  }
  return err(Errno::kRANGE);
}

} // namespace runnel::user
