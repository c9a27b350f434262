// SPDX-License-Identifier: Apache-2.0
// Instructions C++ has no words for.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::arch {

inline void out8(u16 port, u8 value) { asm volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
inline void out16(u16 port, u16 value) { asm volatile("outw %0, %1" ::"a"(value), "Nd"(port)); }
inline void out32(u16 port, u32 value) { asm volatile("outl %0, %1" ::"a"(value), "Nd"(port)); }
inline u8 in8(u16 port) {
  u8 value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
inline u32 in32(u16 port) {
  u32 value;
  asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

struct CpuidResult {
  u32 eax, ebx, ecx, edx;
};
inline CpuidResult cpuid(u32 leaf, u32 subleaf = 0) {
  CpuidResult r;
  asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
  return r;
}

inline u64 read_msr(u32 msr) {
  u32 low;
  u32 high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
  return static_cast<u64>(high) << 32 | low;
}
inline void write_msr(u32 msr, u64 value) {
  asm volatile("wrmsr" ::"c"(msr), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32))
               : "memory");
}

inline u64 read_cr0() {
  u64 v;
  asm volatile("movq %%cr0, %0" : "=r"(v));
  return v;
}
inline void write_cr0(u64 v) { asm volatile("movq %0, %%cr0" ::"r"(v) : "memory"); }
inline u64 read_cr2() {
  u64 v;
  asm volatile("movq %%cr2, %0" : "=r"(v));
  return v;
}
inline u64 read_cr3() {
  u64 v;
  asm volatile("movq %%cr3, %0" : "=r"(v));
  return v;
}
inline void write_cr3(u64 v) { asm volatile("movq %0, %%cr3" ::"r"(v) : "memory"); }
inline u64 read_cr4() {
  u64 v;
  asm volatile("movq %%cr4, %0" : "=r"(v));
  return v;
}
inline void write_cr4(u64 v) { asm volatile("movq %0, %%cr4" ::"r"(v) : "memory"); }

inline constexpr u32 kMsrApicBase = 0x1b;
inline constexpr u32 kMsrTscDeadline = 0x6e0;
inline constexpr u32 kMsrEfer = 0xc0000080;
inline constexpr u32 kMsrGsBase = 0xc0000101;

} // namespace runnel::arch
