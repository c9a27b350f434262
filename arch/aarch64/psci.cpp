// SPDX-License-Identifier: Apache-2.0
// PSCI calls.
#include "arch/aarch64/psci.hpp"

extern "C" {
runnel::u64 runnel_hvc(runnel::u64 function, runnel::u64 a, runnel::u64 b, runnel::u64 c);
runnel::u64 runnel_smc(runnel::u64 function, runnel::u64 a, runnel::u64 b, runnel::u64 c);
}

namespace runnel::arch {
namespace {

constexpr i32 kNotSupported = -1;
constinit PsciConduit conduit_in_use = PsciConduit::kNone;

} // namespace

void psci_set_conduit(PsciConduit conduit) { conduit_in_use = conduit; }

i32 psci_call(PsciFunction function, u64 a, u64 b, u64 c) {
  const u64 id = static_cast<u64>(function);
  switch (conduit_in_use) {
  case PsciConduit::kHvc:
    return static_cast<i32>(runnel_hvc(id, a, b, c));
  case PsciConduit::kSmc:
    return static_cast<i32>(runnel_smc(id, a, b, c));
  case PsciConduit::kNone:
    break;
  }
  return kNotSupported;
}

} // namespace runnel::arch
