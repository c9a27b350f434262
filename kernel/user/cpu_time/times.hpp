// SPDX-License-Identifier: Apache-2.0
// Processor time, and how it is divided into the user's and the kernel's part: the tick sees which of the two
// it interrupts, the scheduler measures the whole. Pure.
#pragma once

#include "kernel/user/cpu_time/clock_id.hpp"

#include <algorithm>

namespace runnel::user {

/// What a program is told, in ns; the sum is what was measured.
struct CpuTimes {
  u64 user = 0, system = 0;

  constexpr u64 sum() const { return user + system; }
  constexpr CpuTimes& operator+=(const CpuTimes& o) {
    user += o.user;
    system += o.system;
    return *this;
  }
  constexpr bool operator==(const CpuTimes&) const = default;
};

/// What was counted, in ns: whole ticks, and the time on a CPU.
struct CpuSample {
  u64 user = 0, system = 0;
  u64 run = 0;

  constexpr u64 of(CpuClock clock) const {
    switch (clock) {
    case CpuClock::kProf:
      return user + system;
    case CpuClock::kVirtual:
      return user;
    case CpuClock::kRun:
      break;
    }
    return run;
  }
  constexpr CpuSample& operator+=(const CpuSample& o) {
    user += o.user;
    system += o.system;
    run += o.run;
    return *this;
  }
};

/// The measured time divided as the ticks are; what was told once never shrinks.
class CpuTimesTold {
 public:
  constexpr CpuTimes tell(const CpuSample& sample) {
    if (sample.run <= last_.sum()) return last_;
    const u64 system = std::max(system_part(sample), last_.system);
    const u64 user = std::max(sample.run - std::min(system, sample.run), last_.user);
    last_ = {user, sample.run - user};
    return last_;
  }

 private:
  static constexpr u64 system_part(const CpuSample& sample) {
    if (sample.system == 0) return 0;
    u64 part = sample.system, whole = sample.user + sample.system;
    while (whole >> 32 != 0) { // the products below then fit
      part >>= 1;
      whole >>= 1;
    }
    return sample.run / whole * part + sample.run % whole * part / whole;
  }

  CpuTimes last_;
};

} // namespace runnel::user
