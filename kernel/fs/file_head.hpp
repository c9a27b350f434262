// SPDX-License-Identifier: Apache-2.0
// A file's first bytes in one piece of kernel memory: what exec looks at, and small files of ours.
#pragma once

#include "kernel/fs/file.hpp"

#include <span>

namespace runnel::fs {

class FileHead {
 public:
  FileHead() = default;
  ~FileHead() { mm::kfree(bytes_); }
  FileHead(const FileHead&) = delete;
  FileHead& operator=(const FileHead&) = delete;

  /// Up to `most` bytes. kNOMEM, and what read() gives.
  Result<> read(File& file, usize most);
  std::span<const std::byte> get() const { return {bytes_, size_}; }

 private:
  std::byte* bytes_ = nullptr;
  usize size_ = 0;
};

} // namespace runnel::fs
