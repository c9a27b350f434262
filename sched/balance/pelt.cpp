// SPDX-License-Identifier: Apache-2.0
#include "sched/balance/pelt.hpp"

namespace runnel::sched::pelt {
namespace {

/// 2^32 * 2^(-n/32), rounded; the first one just below 1.
constexpr u32 kDecay[kHalfLife] = {
    0xffffffff, 0xfa83b2db, 0xf5257d15, 0xefe4b99b, 0xeac0c6e7, 0xe5b906e7, 0xe0ccdeec, 0xdbfbb797,
    0xd744fcca, 0xd2a81d91, 0xce248c15, 0xc9b9bd86, 0xc5672a11, 0xc12c4cca, 0xbd08a39f, 0xb8fbaf47,
    0xb504f333, 0xb123f581, 0xad583eea, 0xa9a15ab4, 0xa5fed6a9, 0xa2704303, 0x9ef53260, 0x9b8d39b9,
    0x9837f051, 0x94f4efa8, 0x91c3d373, 0x8ea4398b, 0x8b95c1e3, 0x88980e80, 0x85aac367, 0x82cd8698,
};

} // namespace

u64 decay(u64 value, u64 periods) {
  if (periods == 0) return value;
  if (periods >= u64{kHalfLife} * 64) return 0;
  value >>= periods / kHalfLife;
  const u32 rest = static_cast<u32>(periods % kHalfLife);
  return rest == 0 ? value : static_cast<u64>(static_cast<unsigned __int128>(value) * kDecay[rest] >> 32);
}

Step step(u64 from_us, u64 to_us) {
  if (static_cast<i64>(to_us - from_us) <= 0) return {};
  const u64 periods = to_us / kPeriod - from_us / kPeriod;
  if (periods == 0) return {0, to_us - from_us};
  // The rest of the period it began in, whole periods between, the beginning of the one it ends in.
  const u64 first = decay(kPeriod - from_us % kPeriod, periods);
  const u64 whole = kMaxSum - decay(kMaxSum, periods) - kPeriod;
  return {periods, first + (periods > 1 ? whole : 0) + to_us % kPeriod};
}

} // namespace runnel::sched::pelt
