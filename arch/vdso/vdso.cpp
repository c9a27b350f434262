// SPDX-License-Identifier: Apache-2.0
// The vDSO: functions of the kernel's that programs run in user mode, to read clocks and the CPU's number
// without a system call (linux_abi 11). A shared object of one segment, mapped by exec with the data page
// right below; no library, no writable data. What it cannot answer it asks the kernel.
#include <arch/vdso_data.hpp>

using namespace runnel;

extern "C" __attribute__((visibility("hidden"))) const volatile vdso::Data runnel_vdso_data; // by vdso.ld

namespace {

struct Timespec {
  i64 seconds, nanoseconds;
};
struct Timeval {
  i64 seconds, microseconds;
};

enum : i32 { // the clocks it serves
  kRealtime = 0,
  kMonotonic = 1,
  kMonotonicRaw = 4,
  kRealtimeCoarse = 5,
  kMonotonicCoarse = 6,
  kBoottime = 7,
  kTai = 11,
};
constexpr u64 kSecond = 1'000'000'000;
constexpr i64 kCoarse = 4'000'000; // ns; of what clock_getres tells, the time itself is exact

#ifdef __aarch64__
enum : u64 { kClockGettime = 113, kClockGetres = 114, kGettimeofday = 169 };

i64 ask_kernel(u64 number, u64 first, u64 second) {
  register u64 x8 asm("x8") = number;
  register u64 x0 asm("x0") = first;
  register u64 x1 asm("x1") = second;
  asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory", "cc");
  return static_cast<i64>(x0);
}

/// Ordered after what comes before it.
u64 read_counter() {
  u64 count;
  asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(count)::"memory");
  return count;
}

void pause() { asm volatile("yield" ::: "memory"); }
#else
enum : u64 { kClockGettime = 228, kClockGetres = 229, kGettimeofday = 96, kTime = 201, kGetcpu = 309 };

i64 ask_kernel(u64 number, u64 first, u64 second) {
  i64 result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(first), "S"(second), "d"(0ul)
               : "rcx", "r11", "memory", "cc");
  return result;
}

u64 read_counter() {
  u32 low, high;
  asm volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
  return u64{high} << 32 | low;
}

void pause() { asm volatile("pause" ::: "memory"); }
#endif

u64 address(const void* pointer) { return reinterpret_cast<u64>(pointer); }

/// Nanoseconds since `epoch`. False: only the kernel knows.
[[gnu::always_inline]] inline bool read_clock(vdso::Epoch epoch, u64& ns) {
  const volatile vdso::Data* data = &runnel_vdso_data;
  asm("" : "+r"(data)); // the address once, not anew for each field
  for (;;) {
    const u32 sequence = __atomic_load_n(&data->sequence, __ATOMIC_ACQUIRE); // release: update_vdso
    if ((sequence & 1) != 0) [[unlikely]] {
      if ((data->flags & vdso::kClock) == 0) return false;
      pause();
      continue;
    }
    const u64 ticks = read_counter() - data->base;
    const u64 fraction = static_cast<u64>(static_cast<unsigned __int128>(ticks) * data->fraction >> 64);
    ns = ticks * data->whole + fraction + data->at_zero[static_cast<u32>(epoch)];
    asm volatile("" : "+r"(ns));             // now: what it is made of needs no registers across the check
    __atomic_thread_fence(__ATOMIC_ACQUIRE); // the reads above come before that of the sequence below
    if (__atomic_load_n(&data->sequence, __ATOMIC_RELAXED) == sequence) [[likely]]
      return true;
  }
}

constexpr u32 kOfMonotonic =
    1u << kMonotonic | 1u << kMonotonicRaw | 1u << kMonotonicCoarse | 1u << kBoottime;
constexpr u32 kOfWall = 1u << kRealtime | 1u << kRealtimeCoarse | 1u << kTai;

/// One of those served here.
bool is_known(i32 clock) {
  if (static_cast<u32>(clock) > kTai) [[unlikely]]
    return false;
  return ((kOfMonotonic | kOfWall) >> clock & 1) != 0;
}
/// Of a known clock.
vdso::Epoch epoch_of(i32 clock) { return static_cast<vdso::Epoch>(kOfWall >> clock & 1); }

Timespec to_timespec(u64 ns) {
  u64 second = kSecond;
#ifdef __aarch64__
  asm("" : "+r"(second)); // a division is four instructions; by the reciprocal it would be ten
#endif
  return {static_cast<i64>(ns / second), static_cast<i64>(ns % second)};
}

int clock_gettime(i32 clock, Timespec* to) {
  u64 ns;
  if (!is_known(clock) || !read_clock(epoch_of(clock), ns)) [[unlikely]]
    return static_cast<int>(
        ask_kernel(kClockGettime, static_cast<u64>(static_cast<i64>(clock)), address(to)));
  *to = to_timespec(ns);
  return 0;
}

int clock_getres(i32 clock, Timespec* to) {
  if (!is_known(clock))
    return static_cast<int>(ask_kernel(kClockGetres, static_cast<u64>(static_cast<i64>(clock)), address(to)));
  if (to != nullptr) *to = {0, clock == kRealtimeCoarse || clock == kMonotonicCoarse ? kCoarse : 1};
  return 0;
}

int gettimeofday(Timeval* to, void* zone) {
  u64 ns;
  if (zone != nullptr || !read_clock(vdso::Epoch::k1970, ns))
    return static_cast<int>(ask_kernel(kGettimeofday, address(to), address(zone)));
  if (to != nullptr) *to = {static_cast<i64>(ns / kSecond), static_cast<i64>(ns % kSecond / 1000)};
  return 0;
}

} // namespace

extern "C" {

#ifdef __aarch64__
int __kernel_clock_gettime(i32 clock, Timespec* to) { return clock_gettime(clock, to); }
int __kernel_clock_getres(i32 clock, Timespec* to) { return clock_getres(clock, to); }
int __kernel_gettimeofday(Timeval* to, void* zone) { return gettimeofday(to, zone); }
#else
int __vdso_clock_gettime(i32 clock, Timespec* to) { return clock_gettime(clock, to); }
int __vdso_clock_getres(i32 clock, Timespec* to) { return clock_getres(clock, to); }
int __vdso_gettimeofday(Timeval* to, void* zone) { return gettimeofday(to, zone); }

i64 __vdso_time(i64* to) {
  u64 ns;
  if (!read_clock(vdso::Epoch::k1970, ns)) return ask_kernel(kTime, address(to), 0);
  const i64 seconds = static_cast<i64>(ns / kSecond);
  if (to != nullptr) *to = seconds;
  return seconds;
}

int __vdso_getcpu(u32* cpu, u32* node, void*) {
  if ((runnel_vdso_data.flags & vdso::kCpuNumber) == 0)
    return static_cast<int>(ask_kernel(kGetcpu, address(cpu), address(node)));
  u32 number;
  asm volatile("rdtscp" : "=c"(number)::"eax", "edx");
  if (cpu != nullptr) *cpu = number & ((1u << vdso::kNodeShift) - 1);
  if (node != nullptr) *node = number >> vdso::kNodeShift;
  return 0;
}
#endif

} // extern "C"
