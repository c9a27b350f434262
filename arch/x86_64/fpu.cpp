// SPDX-License-Identifier: Apache-2.0
// x87, SSE, AVX and AVX-512 state of user threads (Intel SDM volume 1, chapter 13). The kernel itself uses
// none of it: CR0.TS is set while no user thread is current, so that a slip traps.
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/user_mode.hpp"

#include <arch/user.hpp>
#include <cstring>

namespace runnel::arch {
namespace {

constexpr u64 kCr4OsFxsr = 1u << 9;
constexpr u64 kCr4OsSimdExceptions = 1u << 10;
constexpr u64 kCr4OsXsave = 1u << 18;
// x87, SSE, AVX, and the three of AVX-512. Not MPX, PKRU, AMX: nobody has asked for them, and the last is 8
// KiB.
constexpr u64 kWanted = 0xe7;
constexpr u64 kAvx512 = 0xe0;
constexpr usize kLegacySize = 512;
constexpr usize kControlWordAt = 0, kMxcsrAt = 24;
constexpr u16 kControlWord = 0x37f;
constexpr u32 kMxcsr = 0x1f80;

constinit u64 features = 0;
constinit usize area_size = kLegacySize;

bool have_xsave() { return (cpuid(1).ecx & 1u << 26) != 0; }

void write_xcr0(u64 value) {
  asm volatile("xsetbv" ::"c"(0), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32))
               : "memory");
}

} // namespace

void fpu_init_cpu() {
  write_cr4(read_cr4() | kCr4OsFxsr | kCr4OsSimdExceptions);
  if (!have_xsave()) return;
  write_cr4(read_cr4() | kCr4OsXsave);
  const CpuidResult supported = cpuid(0xd);
  u64 use = supported.eax & kWanted;
  if ((use & kAvx512) != kAvx512) use &= ~kAvx512; // all three or none
  write_xcr0(use);
  features = use; // the same on every CPU
  area_size = align_up(cpuid(0xd).ebx, 64);
}

u64 fpu_features() { return features; }
usize fpu_size() { return area_size; }

void fpu_init(void* area) {
  auto* bytes = static_cast<char*>(area);
  std::memset(bytes, 0, area_size); // an XSAVE header of zeros: all components in their initial state
  std::memcpy(bytes + kControlWordAt, &kControlWord, sizeof kControlWord);
  std::memcpy(bytes + kMxcsrAt, &kMxcsr, sizeof kMxcsr);
}

void fpu_save(void* area) {
  if (features != 0)
    asm volatile("xsave64 (%0)" ::"r"(area), "a"(~u32{0}), "d"(~u32{0}) : "memory");
  else
    asm volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}

void fpu_load(const void* area) {
  if (features != 0)
    asm volatile("xrstor64 (%0)" ::"r"(area), "a"(~u32{0}), "d"(~u32{0}) : "memory");
  else
    asm volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

} // namespace runnel::arch
