// SPDX-License-Identifier: Apache-2.0
// Reader of the initial ram disk: a cpio archive in "newc" format. Pure: looks at bytes, allocates nothing.
#pragma once

#include "kernel/lib/types.hpp"

#include <expected>
#include <span>
#include <string_view>

namespace runnel::fs {

/// What is wrong with an archive, and where.
struct CpioError {
  usize offset = 0;      // in the archive, of the member or field that is wrong
  std::string_view what; // "no member header (magic 070701)", ...
};

struct CpioFile {
  std::string_view name;
  u32 mode = 0; // as in stat: type and permissions
  std::span<const std::byte> content;
};

/// Walks the members in order:
///   CpioReader reader(bytes);
///   for (;;) { auto step = reader.next(); if (!step) damaged; else if (step->end) done; else use step->file;
///   }
class CpioReader {
 public:
  explicit CpioReader(std::span<const std::byte> archive) : archive_(archive) {}

  /// The next member; `end` set at the trailer. Views point into the archive.
  struct Step {
    bool end = false;
    CpioFile file;
  };
  std::expected<Step, CpioError> next();

 private:
  std::span<const std::byte> archive_;
  usize at_ = 0;
};

/// The regular file of that name. An archive that is damaged before it is found is an error; so is one that
/// ends without it (offset: where it ends). A leading "./" or "/" in the archive's names is overlooked.
std::expected<CpioFile, CpioError> cpio_find(std::span<const std::byte> archive, std::string_view name);

} // namespace runnel::fs
