// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/file_head.hpp"

#include <algorithm>

namespace runnel::fs {

Result<> FileHead::read(File& file, usize most) {
  Stat stat;
  file.stat(stat);
  most = static_cast<usize>(std::min<u64>(stat.size, most));
  bytes_ = static_cast<std::byte*>(mm::kmalloc(most));
  if (bytes_ == nullptr) return err(Errno::kNOMEM);
  IoBuffer to(bytes_, most);
  const Result<usize> n = file.read_from(to, 0);
  if (!n) return err(n.error());
  size_ = *n;
  return {};
}

} // namespace runnel::fs
