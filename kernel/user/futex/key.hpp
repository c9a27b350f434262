// SPDX-License-Identifier: Apache-2.0
// What a futex is known by: the word's place in an address space, or in an object that several may map
// (spec linux_abi 6, flag PRIVATE).
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::user {

struct FutexKey {
  /// The same private memory called private and called shared are two futexes, as with Linux.
  enum class Kind : u32 { kPrivate, kPrivateMemory, kObject };

  u64 owner = 0; // the Mm, or the object's identity
  u64 at = 0;    // bytes from its beginning
  Kind kind = Kind::kPrivate;

  constexpr bool operator==(const FutexKey&) const = default;
};

inline constexpr u32 kFutexBuckets = 256;

/// The bucket of a key: neighbouring words, and the same word of different owners, lie in different ones.
constexpr u32 futex_bucket(const FutexKey& key) {
  u64 h = key.owner ^ static_cast<u64>(key.kind) << 62;
  h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9;
  h = (h ^ key.at >> 2) * 0x94d049bb133111eb;
  return static_cast<u32>((h ^ h >> 31) >> 24) % kFutexBuckets;
}

} // namespace runnel::user
