// SPDX-License-Identifier: Apache-2.0
// Files of the initial ram disk, read-only: until there is a file system, the only ones with a path.
#pragma once

#include "kernel/user/file/file.hpp"
#include "kernel/user/mm/vm_object.hpp"

#include <span>
#include <string_view>

namespace runnel::user {

/// One member of the archive that is open or mapped somewhere; all who use the same member share it.
class InitrdFile : public VmObject {
 public:
  /// The regular file `path` (from the root, or without the leading slash), with a reference for the caller.
  /// kNOENT; kACCES: a folder or something else; kNOMEM; kIO: the archive is damaged.
  static Result<InitrdFile*> find(std::string_view path);

  virtual std::span<const std::byte> content() const = 0;
  virtual u32 mode() const = 0;

 protected:
  ~InitrdFile() = default;
};

/// Once, before anything else here: the archive, which stays in memory.
void set_initrd(std::span<const std::byte> archive);
std::span<const std::byte> initrd();

/// open() of a member. kROFS for writing.
Result<FileRef> open_initrd(std::string_view path, u32 open_flags);

} // namespace runnel::user
