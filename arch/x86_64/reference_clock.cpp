// SPDX-License-Identifier: Apache-2.0
// HPET (IA-PC HPET specification 1.0a, 2.3), ACPI PM timer (ACPI 6.4, 4.8.3.3), PIT (Intel 8254).
#include "arch/x86_64/reference_clock.hpp"

#include "arch/x86_64/instructions.hpp"

#include <arch/cpu.hpp>
#include <arch/upcalls.hpp>

namespace runnel::arch {
namespace {

constexpr u64 kFemtosecondsPerSecond = 1'000'000'000'000'000;
constexpr u64 kPmTimerHz = 3'579'545;
constexpr u64 kPitHz = 1'193'182;
constexpr u16 kPitCommand = 0x43;
constexpr u16 kPitCounter0 = 0x40;

} // namespace

ReferenceClock::ReferenceClock(const MachineInfo& machine) {
  for (const Kind kind : {Kind::kHpet, Kind::kPmTimer, Kind::kPit}) {
    if (kind == Kind::kHpet && machine.hpet_base == 0) continue;
    if (kind == Kind::kPmTimer && machine.pm_timer_port == 0) continue;
    start(kind, machine);
    if (advances()) return;
  }
  kind_ = Kind::kNone;
}

void ReferenceClock::start(Kind kind, const MachineInfo& machine) {
  kind_ = kind;
  if (kind == Kind::kHpet) {
    hpet_ = static_cast<volatile u64*>(upcall::map_device(PhysAddr{machine.hpet_base}, kPageSize));
    femtoseconds_per_tick_ = hpet_[0] >> 32;
    hpet_[2] = hpet_[2] | 1; // general configuration: run
    mask_ = ~u32{0};         // the low half is there in every HPET
  } else if (kind == Kind::kPmTimer) {
    port_ = static_cast<u16>(machine.pm_timer_port);
    femtoseconds_per_tick_ = kFemtosecondsPerSecond / kPmTimerHz;
    mask_ = 0xff'ffff;
  } else {
    femtoseconds_per_tick_ = kFemtosecondsPerSecond / kPitHz;
    mask_ = 0xffff;
    out8(kPitCommand, 0x34); // counter 0, both bytes, rate generator
    out8(kPitCounter0, 0);
    out8(kPitCounter0, 0);
  }
  last_ = read_raw();
}

/// A clock that the tables name but that stands still would be waited for for ever.
bool ReferenceClock::advances() {
  constexpr u32 kPatience = 10'000; // reads; each takes far longer than a hundredth of a tick of the slowest
  if (femtoseconds_per_tick_ == 0) return false;
  for (u32 i = 0; i < kPatience; ++i) {
    if (((read_raw() - last_) & mask_) != 0) return true;
    Cpu::relax();
  }
  return false;
}

u64 ReferenceClock::read_raw() {
  if (kind_ == Kind::kHpet) return hpet_[0xf0 / 8];
  if (kind_ == Kind::kPmTimer) return in32(port_);
  out8(kPitCommand, 0x00); // latch
  const u32 low = in8(kPitCounter0);
  const u32 high = in8(kPitCounter0);
  return ~u64{high << 8 | low}; // counts down
}

u64 ReferenceClock::read_ns() {
  const u64 now = read_raw();
  ticks_ += (now - last_) & mask_;
  last_ = now;
  return ticks_ * femtoseconds_per_tick_ / 1'000'000;
}

Duration ReferenceClock::window() const { return kind_ == Kind::kHpet ? 500_us : 1_ms; }

const char* ReferenceClock::name() const {
  switch (kind_) {
  case Kind::kHpet:
    return "HPET";
  case Kind::kPmTimer:
    return "ACPI PM timer";
  case Kind::kPit:
    return "PIT";
  case Kind::kNone:
    break;
  }
  return "nothing";
}

} // namespace runnel::arch
