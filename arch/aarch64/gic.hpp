// SPDX-License-Identifier: Apache-2.0
// GICv3 (Arm IHI 0069): registers by offset, and the CPU interface's system registers.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::arch::gic {

// Distributor.
inline constexpr u32 kCtlr = 0x0000, kTyper = 0x0004;
inline constexpr u32 kGroup = 0x0080, kSetEnable = 0x0100, kClearEnable = 0x0180, kSetPending = 0x0200;
inline constexpr u32 kPriority = 0x0400, kRouter = 0x6000;
inline constexpr u32 kCtlrGroup0 = 1u << 0, kCtlrGroup1 = 1u << 1, kCtlrAffinityRouting = 1u << 4,
                     kCtlrOneSecurityState = 1u << 6, kCtlrWritePending = 1u << 31;
inline constexpr u64 kDistributorSize = 0x1'0000;

// Redistributor: a page pair for the CPU, then one for its SGIs and PPIs, where kGroup... apply too.
inline constexpr u32 kRedistTyper = 0x0008, kRedistWaker = 0x0014, kRedistSgiFrame = 0x1'0000;
inline constexpr u32 kWakerProcessorSleep = 1u << 1, kWakerChildrenAsleep = 1u << 2;
inline constexpr u64 kTyperVirtualLpis = 1u << 1, kTyperLast = 1u << 4;
inline constexpr u64 kRedistSize = 0x2'0000, kRedistSizeGicV4 = 0x4'0000;

inline constexpr u32 kFirstPpi = 16, kFirstSpi = 32, kFirstSpecial = 1020;

/// One memory-mapped block of registers.
class Block {
 public:
  constexpr Block() = default;
  explicit Block(void* base) : base_(static_cast<u8*>(base)) {}
  explicit operator bool() const { return base_ != nullptr; }
  u32 read(u32 offset) const { return *reinterpret_cast<volatile u32*>(base_ + offset); }
  void write(u32 offset, u32 value) const { *reinterpret_cast<volatile u32*>(base_ + offset) = value; }
  u64 read64(u32 offset) const { return *reinterpret_cast<volatile u64*>(base_ + offset); }
  void write64(u32 offset, u64 value) const { *reinterpret_cast<volatile u64*>(base_ + offset) = value; }
  void write8(u32 offset, u8 value) const { *reinterpret_cast<volatile u8*>(base_ + offset) = value; }

 private:
  u8* base_ = nullptr;
};

#define RUNNEL_ICC_READ(name, encoding)                                                                      \
  inline u64 read_##name() {                                                                                 \
    u64 value;                                                                                               \
    asm volatile("mrs %0, " encoding : "=r"(value)::"memory");                                               \
    return value;                                                                                            \
  }
#define RUNNEL_ICC_WRITE(name, encoding)                                                                     \
  inline void write_##name(u64 value) { asm volatile("msr " encoding ", %0" ::"r"(value) : "memory"); }

RUNNEL_ICC_READ(iar0, "S3_0_C12_C8_0")
RUNNEL_ICC_READ(iar1, "S3_0_C12_C12_0")
RUNNEL_ICC_READ(sre, "S3_0_C12_C12_5")
RUNNEL_ICC_WRITE(eoir0, "S3_0_C12_C8_1")
RUNNEL_ICC_WRITE(eoir1, "S3_0_C12_C12_1")
RUNNEL_ICC_WRITE(sre, "S3_0_C12_C12_5")
RUNNEL_ICC_WRITE(ctlr, "S3_0_C12_C12_4")
RUNNEL_ICC_WRITE(pmr, "S3_0_C4_C6_0")
RUNNEL_ICC_WRITE(bpr0, "S3_0_C12_C8_3")
RUNNEL_ICC_WRITE(bpr1, "S3_0_C12_C12_3")
RUNNEL_ICC_WRITE(igrpen0, "S3_0_C12_C12_6")
RUNNEL_ICC_WRITE(igrpen1, "S3_0_C12_C12_7")
RUNNEL_ICC_WRITE(sgi0r, "S3_0_C12_C11_7")
RUNNEL_ICC_WRITE(sgi1r, "S3_0_C12_C11_5")

#undef RUNNEL_ICC_READ
#undef RUNNEL_ICC_WRITE

} // namespace runnel::arch::gic
