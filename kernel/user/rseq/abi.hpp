// SPDX-License-Identifier: Apache-2.0
// What rseq() shares with user space (spec rseq_mm_cid 1): offsets and numbers.
#pragma once

#include "kernel/lib/types.hpp"

#include <bit>

namespace runnel::user::rseq {

// struct rseq
inline constexpr u64 kCpuIdStart = 0, kCpuId = 4, kSection = 8, kFlags = 16, kNodeId = 20, kMmCid = 24,
                     kSliceControl = 28;
/// The reserved byte behind slice_ctrl counts, so that a length tells who knows of it (0.1, L3).
inline constexpr u64 kFeatureSize = 33;
inline constexpr u64 kAlign = std::bit_ceil(kFeatureSize);
inline constexpr u32 kLegacySize = 32, kLegacyAlign = 32;

// Flags of the call, and of struct rseq.
inline constexpr u32 kUnregister = 1, kSliceDefaultOn = 2;
inline constexpr u32 kSliceAvailable = 1u << 4, kSliceEnabled = 1u << 5;

inline constexpr u32 kCpuUninitialised = ~u32{0};

// struct rseq_cs
inline constexpr u64 kVersionAndFlags = 0, kStart = 8, kPostCommitOffset = 16, kAbort = 24;

} // namespace runnel::user::rseq
