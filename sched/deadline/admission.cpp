// SPDX-License-Identifier: Apache-2.0
// How much deadline bandwidth may be promised (spec 5.5): arithmetic only.
#include "sched/deadline/cbs.hpp"

#include <sched/dl_bw.hpp>

namespace runnel::sched {

Result<> DlBandwidth::set_limit(u64 period_us, i64 runtime_us, u32 cpus) {
  constexpr u64 kMostUs = u64{1} << 40; // about 12 days; a ratio of such times fits 64 bits
  if (period_us == 0 || period_us > kMostUs || runtime_us < -1) return err(Errno::kINVAL);
  const bool limited = runtime_us >= 0;
  if (limited && static_cast<u64>(runtime_us) > period_us) return err(Errno::kINVAL);
  const u64 limit = limited ? cbs::to_ratio(period_us, static_cast<u64>(runtime_us)) : kUnlimited;
  if (limited && limit * cpus < total_) return err(Errno::kBUSY);
  period_us_ = period_us;
  runtime_us_ = runtime_us;
  limit_ = limit;
  return {};
}

u64 DlBandwidth::missing(u64 capacity, u64 old_bw, u64 new_bw) const {
  if (!is_limited()) return 0;
  const u64 room = cbs::mul_div(limit_, capacity, kFullCpu);
  const u64 wanted = total_ - old_bw + new_bw;
  return wanted > room ? wanted - room : 0;
}

void DlBandwidth::sub(u64 bw) {
  port::assert_(total_ >= bw);
  total_ -= bw;
}

u64 DlBandwidth::max_bw() const { return is_limited() ? limit_ : cbs::kBwUnit; }

u64 DlBandwidth::bw_ratio() const {
  if (!is_limited() || runtime_us_ == 0) return 1 << 8;
  return cbs::to_ratio(static_cast<u64>(runtime_us_), period_us_) >> 12;
}

} // namespace runnel::sched
