// SPDX-License-Identifier: Apache-2.0
// A clock of known rate to measure others against.
#pragma once

#include "kernel/lib/types.hpp"

#include <arch/machine.hpp>

namespace runnel::arch {

class ReferenceClock {
 public:
  /// The best of HPET, ACPI PM timer and PIT that the machine has and that runs.
  explicit ReferenceClock(const MachineInfo& machine);
  /// False when none of them runs; then nothing else may be called.
  bool runs() const { return kind_ != Kind::kNone; }
  /// Nanoseconds since construction. Must be read at least every 50 ms (the PIT wraps).
  u64 read_ns();
  /// How long to look so that one unit of this clock is a small part of it.
  Duration window() const;
  const char* name() const;

 private:
  enum class Kind : u8 { kNone, kHpet, kPmTimer, kPit };
  void start(Kind kind, const MachineInfo& machine);
  bool advances();
  u64 read_raw();

  Kind kind_ = Kind::kNone;
  volatile u64* hpet_ = nullptr;
  u16 port_ = 0;
  u64 last_ = 0;
  u64 ticks_ = 0;
  u64 femtoseconds_per_tick_ = 0;
  u64 mask_ = 0;
};

} // namespace runnel::arch
