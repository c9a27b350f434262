// SPDX-License-Identifier: Apache-2.0
// AT_HWCAP and AT_HWCAP2: what the CPU has (its ID registers, those of the CPU that runs this) and this
// kernel lets user mode use. Features whose state nobody saves, or that need something switched on, are not
// in the tables.
#include <arch/user.hpp>

namespace runnel::arch {
namespace {

enum IdRegister : u8 { kIsar0, kIsar1, kIsar2, kPfr0, kPfr1, kMmfr1, kMmfr2 };

/// Bit `hwcap` when the field of 4 bits at `shift` is at least `least`. 0xf in a signed field means "not
/// there".
struct Capability {
  u8 hwcap;
  IdRegister source;
  u8 shift;
  u8 least;
  bool is_signed = false;
};

// Bit numbers: Linux's uapi/asm/hwcap.h. Fields: Arm ARM D23.2.
constexpr Capability kHwcap[] = {
    {0, kPfr0, 16, 0, true},  // FP
    {1, kPfr0, 20, 0, true},  // ASIMD
    {3, kIsar0, 4, 1},        // AES
    {4, kIsar0, 4, 2},        // PMULL
    {5, kIsar0, 8, 1},        // SHA1
    {6, kIsar0, 12, 1},       // SHA2
    {7, kIsar0, 16, 1},       // CRC32
    {8, kIsar0, 20, 2},       // ATOMICS
    {9, kPfr0, 16, 1, true},  // FPHP
    {10, kPfr0, 20, 1, true}, // ASIMDHP
    {12, kIsar0, 28, 1},      // ASIMDRDM
    {13, kIsar1, 12, 1},      // JSCVT
    {14, kIsar1, 16, 1},      // FCMA
    {15, kIsar1, 20, 1},      // LRCPC
    {16, kIsar1, 0, 1},       // DCPOP
    {17, kIsar0, 32, 1},      // SHA3
    {18, kIsar0, 36, 1},      // SM3
    {19, kIsar0, 40, 1},      // SM4
    {20, kIsar0, 44, 1},      // ASIMDDP
    {21, kIsar0, 12, 2},      // SHA512
    {23, kIsar0, 48, 1},      // ASIMDFHM
    {24, kPfr0, 48, 1},       // DIT
    {25, kMmfr2, 32, 1},      // USCAT
    {26, kIsar1, 20, 2},      // ILRCPC
    {27, kIsar0, 52, 1},      // FLAGM
    {28, kPfr1, 4, 2},        // SSBS
    {29, kIsar1, 36, 1},      // SB
};
constexpr Capability kHwcap2[] = {
    {0, kIsar1, 0, 2},   // DCPODP
    {7, kIsar0, 52, 2},  // FLAGM2
    {8, kIsar1, 32, 1},  // FRINT
    {13, kIsar1, 52, 1}, // I8MM
    {14, kIsar1, 44, 1}, // BF16
    {15, kIsar1, 48, 1}, // DGH
    {16, kIsar0, 60, 1}, // RNG
    {20, kMmfr1, 44, 1}, // AFP
    {21, kIsar2, 4, 1},  // RPRES
};

u64 read(IdRegister which) {
  u64 value = 0;
  switch (which) {
  case kIsar0:
    asm("mrs %0, id_aa64isar0_el1" : "=r"(value));
    break;
  case kIsar1:
    asm("mrs %0, id_aa64isar1_el1" : "=r"(value));
    break;
  case kIsar2:
    asm("mrs %0, s3_0_c0_c6_2" : "=r"(value));
    break;
  case kPfr0:
    asm("mrs %0, id_aa64pfr0_el1" : "=r"(value));
    break;
  case kPfr1:
    asm("mrs %0, id_aa64pfr1_el1" : "=r"(value));
    break;
  case kMmfr1:
    asm("mrs %0, id_aa64mmfr1_el1" : "=r"(value));
    break;
  case kMmfr2:
    asm("mrs %0, id_aa64mmfr2_el1" : "=r"(value));
    break;
  }
  return value;
}

template <usize N> u64 capabilities(const Capability (&table)[N]) {
  constexpr u64 kAbsent = 0xf;
  u64 bits = 0;
  for (const Capability& one : table) {
    const u64 field = read(one.source) >> one.shift & 0xf;
    if (field >= one.least && !(one.is_signed && field == kAbsent)) bits |= u64{1} << one.hwcap;
  }
  return bits;
}

} // namespace

u64 hwcap() { return capabilities(kHwcap); }
u64 hwcap2() { return capabilities(kHwcap2); }

} // namespace runnel::arch
