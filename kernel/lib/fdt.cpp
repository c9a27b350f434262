// SPDX-License-Identifier: Apache-2.0
// The device tree's tokens.
#include "kernel/lib/fdt.hpp"

namespace runnel {
namespace {

constexpr u32 kMagic = 0xd00dfeed;
constexpr u32 kHeaderSize = 40;
constexpr u32 kMaxSize = 2 * 1024 * 1024; // of the arm64 boot protocol
constexpr u32 kReadableVersion = 16;
constexpr u32 kBeginNode = 1, kEndNode = 2, kProperty = 3, kNop = 4, kEnd = 9;

u32 word(std::span<const u8> blob, u32 offset) {
  if (offset + 4 > blob.size()) return 0;
  std::span<const u8> at = blob.subspan(offset, 4);
  return static_cast<u32>(fdt_take(at, 4));
}

/// NUL-terminated text at `offset`; no value when it runs past the end.
std::optional<std::string_view> text(std::span<const u8> blob, u32 offset) {
  for (u32 end = offset; end < blob.size(); ++end)
    if (blob[end] == 0) return std::string_view(reinterpret_cast<const char*>(&blob[offset]), end - offset);
  return std::nullopt;
}

} // namespace

u64 fdt_take(std::span<const u8>& data, u32 bytes) {
  if (data.size() < bytes) return 0;
  u64 value = 0;
  for (u32 i = 0; i < bytes; ++i) value = value << 8 | data[i];
  data = data.subspan(bytes);
  return value;
}

std::optional<FdtReader> FdtReader::open(const u8* blob) {
  const std::span<const u8> header(blob, kHeaderSize);
  if (word(header, 0) != kMagic || word(header, 24) > kReadableVersion) return std::nullopt;
  const u32 size = word(header, 4);
  FdtReader reader;
  reader.position_ = word(header, 8);
  reader.strings_ = word(header, 12);
  reader.reservations_ = word(header, 16);
  if (size < kHeaderSize || size > kMaxSize || reader.position_ >= size || reader.strings_ >= size ||
      reader.reservations_ >= size || reader.position_ % 4 != 0)
    return std::nullopt;
  reader.blob_ = {blob, size};
  return reader;
}

FdtToken FdtReader::next() {
  while (position_ + 4 <= blob_.size()) {
    const u32 token = word(blob_, position_);
    position_ += 4;
    switch (token) {
    case kBeginNode: {
      const auto name = text(blob_, position_);
      if (!name) return {};
      position_ = static_cast<u32>(align_up(position_ + name->size() + 1, 4));
      return {FdtToken::Kind::kBeginNode, *name, {}};
    }
    case kEndNode:
      return {FdtToken::Kind::kEndNode, {}, {}};
    case kProperty: {
      const u32 length = word(blob_, position_);
      const u32 name_offset = word(blob_, position_ + 4);
      position_ += 8;
      if (position_ > blob_.size() || length > blob_.size() - position_ ||
          name_offset >= blob_.size() - strings_)
        return {};
      const auto name = text(blob_, strings_ + name_offset);
      if (!name) return {};
      const auto value = blob_.subspan(position_, length);
      position_ = static_cast<u32>(align_up(u64{position_} + length, 4));
      return {FdtToken::Kind::kProperty, *name, value};
    }
    case kNop:
      break;
    case kEnd:
      return {FdtToken::Kind::kEnd, {}, {}};
    default:
      return {};
    }
  }
  return {};
}

std::optional<FdtReader::Reservation> FdtReader::reservation(u32 index) const {
  const u64 offset = reservations_ + u64{index} * 16;
  if (offset + 16 > blob_.size()) return std::nullopt;
  std::span<const u8> entry = blob_.subspan(static_cast<u32>(offset), 16);
  const u64 base = fdt_take(entry, 8);
  const u64 size = fdt_take(entry, 8);
  if (base == 0 && size == 0) return std::nullopt;
  return Reservation{base, size};
}

} // namespace runnel
