// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/cpio.hpp"

namespace runnel::fs {

namespace {

constexpr usize kHeaderSize = 110; // magic and thirteen fields of eight hexadecimal digits
constexpr usize kModeAt = 14, kFileSizeAt = 54, kNameSizeAt = 94;
constexpr u32 kTypeMask = 0170000, kRegular = 0100000;

std::unexpected<CpioError> damaged(usize offset, std::string_view what) {
  return std::unexpected(CpioError{offset, what});
}

std::string_view text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::expected<u32, CpioError> hex_field(std::string_view archive, usize at) {
  u32 value = 0;
  for (const char c : archive.substr(at, 8)) {
    u32 digit = 0;
    if (c >= '0' && c <= '9')
      digit = static_cast<u32>(c - '0');
    else if (c >= 'a' && c <= 'f')
      digit = static_cast<u32>(c - 'a') + 10;
    else if (c >= 'A' && c <= 'F')
      digit = static_cast<u32>(c - 'A') + 10;
    else
      return damaged(at, "a header field is not hexadecimal");
    value = value << 4 | digit;
  }
  return value;
}

std::string_view plain(std::string_view name) {
  if (name.starts_with("./")) name.remove_prefix(2);
  while (name.starts_with('/')) name.remove_prefix(1);
  return name;
}

} // namespace

std::expected<CpioReader::Step, CpioError> CpioReader::next() {
  const std::string_view all = text(archive_);
  const usize start = at_;
  if (all.size() - start < kHeaderSize) return damaged(start, "the archive is cut off, no trailer");
  const std::string_view magic = all.substr(start, 6);
  if (magic != "070701" && magic != "070702") return damaged(start, "no member header (magic 070701)");

  const auto mode = hex_field(all, start + kModeAt);
  const auto size = hex_field(all, start + kFileSizeAt);
  const auto name_size = hex_field(all, start + kNameSizeAt);
  for (const auto* field : {&mode, &size, &name_size})
    if (!*field) return std::unexpected(field->error());

  const usize name_at = start + kHeaderSize;
  if (*name_size == 0 || *name_size > all.size() - name_at)
    return damaged(name_at, "a member's name is cut off");
  const std::string_view name = all.substr(name_at, *name_size - 1);
  if (all[name_at + *name_size - 1] != '\0' || name.find('\0') != std::string_view::npos)
    return damaged(name_at, "a member's name has no end where it should");
  if (name == "TRAILER!!!") return Step{.end = true, .file = {}};

  // Fields are 32 bits, so these sums cannot wrap a 64-bit size.
  const usize content_at = align_up(name_at + *name_size, 4);
  if (content_at > all.size() || *size > all.size() - content_at)
    return damaged(content_at, "a member's content is cut off");
  const usize next_at = align_up(content_at + *size, 4);
  at_ = next_at < all.size() ? next_at : all.size();
  return Step{.end = false, .file = {name, *mode, archive_.subspan(content_at, *size)}};
}

std::expected<CpioFile, CpioError> cpio_find(std::span<const std::byte> archive, std::string_view name) {
  CpioReader reader(archive);
  for (usize members = 0;; ++members) {
    const auto step = reader.next();
    if (!step) return std::unexpected(step.error());
    if (step->end)
      return damaged(archive.size(), members == 0 ? "the archive is empty" : "no such file in it");
    if ((step->file.mode & kTypeMask) == kRegular && plain(step->file.name) == plain(name)) return step->file;
  }
}

} // namespace runnel::fs
