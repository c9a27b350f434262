// SPDX-License-Identifier: Apache-2.0
// The strong types everything is measured in: CPU numbers, times, addresses. None converts silently.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace runnel {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
using usize = std::size_t;
using uptr = std::uintptr_t;

/// Most CPUs one image can drive; sizes the per-CPU arrays. The simulated machine has more than an image.
#ifdef RUNNEL_MAX_CPUS
inline constexpr u32 kMaxCpus = RUNNEL_MAX_CPUS;
#else
inline constexpr u32 kMaxCpus = 64;
#endif

/// Logical CPU number, 0 .. nr_cpus-1; 0 is the boot CPU. Not an APIC id and not an MPIDR.
struct CpuId {
  u32 value = 0;
  constexpr auto operator<=>(const CpuId&) const = default;
};

/// Length of time in nanoseconds; may be negative (a difference).
struct Duration {
  i64 ns = 0;
  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration operator+(Duration o) const { return {ns + o.ns}; }
  constexpr Duration operator-(Duration o) const { return {ns - o.ns}; }
  constexpr Duration operator*(i64 k) const { return {ns * k}; }
  constexpr Duration operator/(i64 k) const { return {ns / k}; }
  constexpr Duration& operator+=(Duration o) { return ns += o.ns, *this; }
  constexpr Duration& operator-=(Duration o) { return ns -= o.ns, *this; }
};

/// Point on the monotonic clock, nanoseconds since boot. Compared by signed difference, so wrap is harmless.
struct Instant {
  u64 ns = 0;
  constexpr bool operator==(const Instant&) const = default;
  constexpr Duration operator-(Instant o) const { return {static_cast<i64>(ns - o.ns)}; }
  constexpr Instant operator+(Duration d) const { return {ns + static_cast<u64>(d.ns)}; }
  constexpr Instant operator-(Duration d) const { return {ns - static_cast<u64>(d.ns)}; }
  constexpr bool is_before(Instant o) const { return (*this - o).ns < 0; }
  constexpr bool is_after(Instant o) const { return (*this - o).ns > 0; }
};

inline constexpr Instant kNever{~u64{0} >> 1};

constexpr Duration operator""_ns(unsigned long long v) { return {static_cast<i64>(v)}; }
constexpr Duration operator""_us(unsigned long long v) { return {static_cast<i64>(v) * 1000}; }
constexpr Duration operator""_ms(unsigned long long v) { return {static_cast<i64>(v) * 1000 * 1000}; }
constexpr Duration operator""_s(unsigned long long v) { return {static_cast<i64>(v) * 1000 * 1000 * 1000}; }

/// Physical address. Turn it into a pointer with mm::phys_to_virt only.
struct PhysAddr {
  u64 value = 0;
  constexpr auto operator<=>(const PhysAddr&) const = default;
  constexpr PhysAddr operator+(u64 o) const { return {value + o}; }
  constexpr u64 operator-(PhysAddr o) const { return value - o.value; }
};

/// Kernel virtual address as a number, for page-table work; data is reached through pointers.
struct VirtAddr {
  u64 value = 0;
  constexpr auto operator<=>(const VirtAddr&) const = default;
  constexpr VirtAddr operator+(u64 o) const { return {value + o}; }
  constexpr u64 operator-(VirtAddr o) const { return value - o.value; }
};

inline constexpr u64 kPageShift = 12;
inline constexpr u64 kPageSize = u64{1} << kPageShift;
inline constexpr u64 kCacheLine = 64;

constexpr u64 align_up(u64 v, u64 to) { return (v + to - 1) & ~(to - 1); }
constexpr u64 align_down(u64 v, u64 to) { return v & ~(to - 1); }

} // namespace runnel
