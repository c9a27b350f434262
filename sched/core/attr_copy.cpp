// SPDX-License-Identifier: Apache-2.0
// Copying struct sched_attr from and to a caller (spec 5.10).
#include <algorithm>
#include <sched/attr_copy.hpp>

namespace runnel::sched {
namespace {

constexpr u32 kPiece = 64; // of a tail that is looked at or cleared

std::span<u8> bytes_of(auto& object, u32 size) { return {reinterpret_cast<u8*>(&object), size}; }

/// The structure is of a later kind than ours, and uses what we do not know.
std::unexpected<Errno> too_big(AttrMemory& memory) {
  u32 understood = kSchedAttrSizeVer1;
  static_cast<void>(memory.write(0, bytes_of(understood, sizeof understood)));
  return err(Errno::kE2BIG);
}

/// What lies beyond the structure that is known must be zero: then it asks for nothing.
Result<> check_tail(AttrMemory& memory, u32 size) {
  u8 piece[kPiece];
  for (u32 at = kSchedAttrSizeVer1; at < size; at += kPiece) {
    const std::span<u8> tail(piece, std::min(kPiece, size - at));
    if (!memory.read(at, tail)) return err(Errno::kFAULT);
    if (std::ranges::any_of(tail, [](u8 byte) { return byte != 0; })) return too_big(memory);
  }
  return {};
}

} // namespace

Result<SchedAttr> copy_attr_in(AttrMemory& memory) {
  u32 size = 0;
  if (!memory.read(0, bytes_of(size, sizeof size))) return err(Errno::kFAULT);
  if (size == 0) size = kSchedAttrSizeVer0;
  if (!attr_size_understood(size)) return too_big(memory);
  if (const Result<> ok = check_tail(memory, size); !ok) return err(ok.error());
  SchedAttr attr;
  if (!memory.read(0, bytes_of(attr, std::min(size, kSchedAttrSizeVer1)))) return err(Errno::kFAULT);
  attr.size = size;
  if (size < kSchedAttrSizeVer1 && (attr.flags & (kSchedFlagUtilClampMin | kSchedFlagUtilClampMax)) != 0)
    return err(Errno::kINVAL);
  attr.nice = std::clamp(attr.nice, kMinNice, kMaxNice);
  return attr;
}

Result<> copy_attr_out(AttrMemory& memory, SchedAttr attr, u32 size) {
  if (!attr_size_understood(size)) return err(Errno::kINVAL);
  attr.size = std::min(size, kSchedAttrSizeVer1);
  if (!memory.write(0, bytes_of(attr, attr.size))) return err(Errno::kFAULT);
  u8 zeroes[kPiece] = {};
  for (u32 at = kSchedAttrSizeVer1; at < size; at += kPiece)
    if (!memory.write(at, {zeroes, std::min(kPiece, size - at)})) return err(Errno::kFAULT);
  return {};
}

} // namespace runnel::sched
