// SPDX-License-Identifier: Apache-2.0
// On an emulator the measuring code can be stopped anywhere for milliseconds: between two reads that should
// be simultaneous, or for longer than the reference can count. So each end of a window is the narrowest of
// several tries, and a window counts only when the next one agrees with it.
#include "arch/x86_64/calibration.hpp"

#include "arch/x86_64/local_apic.hpp"
#include "arch/x86_64/reference_clock.hpp"

#include <algorithm>
#include <arch/console.hpp>
#include <arch/cpu.hpp>
#include <arch/power.hpp>
#include <string_view>

namespace runnel::arch {
namespace {

constexpr u32 kTries = 4;
constexpr u32 kMostWindows = 16;
constexpr u32 kBootFailed = 0x15; // boot::ExitCode

/// The three clocks at one moment, known to within `width` ticks of the TSC.
struct Sample {
  u64 ns = 0, tsc = 0, apic = 0;
  u64 width = ~u64{0};
};

Sample take_sample(ReferenceClock& reference) {
  Sample best;
  for (u32 i = 0; i < kTries; ++i) {
    Sample sample;
    const u64 before = read_tsc();
    sample.ns = reference.read_ns();
    sample.apic = apic_read(ApicReg::kTimerCurrent);
    sample.tsc = read_tsc();
    sample.width = sample.tsc - before;
    if (sample.width < best.width) best = sample;
  }
  return best;
}

struct Window {
  Sample from, to;
  u64 ns() const { return to.ns - from.ns; }
  u64 tsc() const { return to.tsc - from.tsc; }
  u64 apic() const { return from.apic - to.apic; } // counts down
};

Window measure(ReferenceClock& reference, const Sample& from) {
  const u64 end = from.ns + static_cast<u64>(reference.window().ns);
  while (reference.read_ns() < end) Cpu::relax();
  return {from, take_sample(reference)};
}

/// Within 1/64, and nothing stood still.
bool agree(const Window& a, const Window& b) {
  if (a.apic() == 0 || b.apic() == 0 || b.to.apic == 0) return false;
  const u64 left = a.tsc() * (b.ns() / 16);
  const u64 right = b.tsc() * (a.ns() / 16);
  return std::max(left, right) - std::min(left, right) <= std::max(left, right) / 64;
}

[[noreturn]] void die_without_clock() {
  constexpr std::string_view kText =
      "runnel: error no HPET, ACPI PM timer or PIT runs: nothing to measure the TSC by\n"
      "runnel: end boot-failed\n";
  for (const char c : kText) console_put(c);
  exit(kBootFailed);
}

} // namespace

u64 read_tsc() {
  u32 low;
  u32 high;
  asm volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
  return static_cast<u64>(high) << 32 | low;
}

Calibration calibrate(const MachineInfo& machine) {
  ReferenceClock reference(machine);
  if (!reference.runs()) die_without_clock();

  apic_write(ApicReg::kTimerInitial, ~u32{0});
  Window before = measure(reference, take_sample(reference));
  const u64 tsc_start = before.from.tsc;
  Window after = measure(reference, before.to);
  for (u32 i = 2; i < kMostWindows && !agree(before, after); ++i) {
    apic_write(ApicReg::kTimerInitial, ~u32{0}); // it may have run down
    before = measure(reference, take_sample(reference));
    after = measure(reference, before.to);
  }
  apic_write(ApicReg::kTimerInitial, 0);
  return {.ns = std::max<u64>(before.ns() + after.ns(), 1),
          .tsc_ticks = std::max<u64>(before.tsc() + after.tsc(), 1),
          .apic_ticks = std::max<u64>(before.apic() + after.apic(), 1),
          .tsc_start = tsc_start,
          .reference = reference.name()};
}

} // namespace runnel::arch
