// SPDX-License-Identifier: Apache-2.0
// The volume the loader was started from, and its files.
#pragma once

#include "boot/uefi/efi.hpp"

#include <cstdint>

namespace runnel::uefi {

/// An open file, closed at the end of its scope. Reading past the end or a failing device ends in fail(),
/// which names the file: there is nothing sensible a caller could do.
class File {
 public:
  File(EFI_FILE_HANDLE handle, const char* name);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool exists() const { return handle_ != nullptr; }
  std::uint64_t bytes() const { return bytes_; }
  /// Reads exactly `bytes` bytes from `offset` to physical address `to`.
  void read(std::uint64_t offset, std::uint64_t bytes, std::uint64_t to);

 private:
  EFI_FILE_HANDLE handle_;
  const char* name_;
  std::uint64_t bytes_ = 0;
};

class Volume {
 public:
  /// The volume that holds the running loader; fail() when it has none.
  Volume();
  ~Volume();
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  /// Opens for reading; a file that is not there gives one that does not exist(), other errors fail(). `name`
  /// is `path` for messages.
  File open(const char16_t* path, const char* name);

 private:
  EFI_FILE_HANDLE root_ = nullptr;
};

} // namespace runnel::uefi
