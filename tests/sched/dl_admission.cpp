// SPDX-License-Identifier: Apache-2.0
// How much deadline bandwidth is admitted (spec 5.5).
#include "sched/deadline/cbs.hpp"

#include <catch2/catch.hpp>
#include <sched/dl_bw.hpp>

using namespace runnel;
using namespace runnel::sched;

namespace {

constexpr u64 kMs = 1'000'000;
constexpr u64 kServer = cbs::to_ratio(1000 * kMs, 50 * kMs);

u64 share(u64 runtime_ms, u64 period_ms) { return cbs::to_ratio(period_ms * kMs, runtime_ms * kMs); }

} // namespace

TEST_CASE("one CPU with both servers holds 85 of 100", "[D02]") {
  CHECK(kServer == 52428);
  DlBandwidth account;
  CHECK(account.limit() == 996147);
  account.add(kServer);
  account.add(kServer);
  CHECK(account.limit() - account.total() == 891291);
  CHECK_FALSE(account.overflows(DlBandwidth::kFullCpu, 0, share(85, 100)));
  CHECK(account.overflows(DlBandwidth::kFullCpu, 0, share(86, 100)));
  CHECK(account.missing(DlBandwidth::kFullCpu, 0, share(86, 100)) == share(86, 100) - 891291);
  CHECK(account.missing(DlBandwidth::kFullCpu, 0, 891291) == 0);
  CHECK(account.missing(DlBandwidth::kFullCpu, 0, 891292) == 1);
}

TEST_CASE("with the fair server alone it holds 90 of 100", "[D02]") {
  DlBandwidth account;
  account.add(kServer);
  account.add(0); // ext_server, runtime 0
  CHECK(account.limit() - account.total() == 943719);
  CHECK_FALSE(account.overflows(DlBandwidth::kFullCpu, 0, share(90, 100)));
  CHECK(account.overflows(DlBandwidth::kFullCpu, 0, share(91, 100)));
}

TEST_CASE("what is replaced makes room; M CPUs hold M times as much", "[D02]") {
  DlBandwidth account;
  account.add(2 * kServer);
  account.add(share(85, 100));
  CHECK(account.overflows(DlBandwidth::kFullCpu, 0, share(1, 100)));
  CHECK_FALSE(account.overflows(DlBandwidth::kFullCpu, share(85, 100), share(80, 100)));
  CHECK(account.overflows(DlBandwidth::kFullCpu, share(85, 100), share(86, 100)));
  account.sub(share(85, 100));
  account.add(2 * 3 * kServer); // four CPUs now
  for (u32 n = 0; n < 4; ++n) {
    REQUIRE_FALSE(account.overflows(4 * DlBandwidth::kFullCpu, 0, share(85, 100)));
    account.add(share(85, 100));
  }
  CHECK(account.overflows(4 * DlBandwidth::kFullCpu, 0, share(1, 100)));
}

TEST_CASE("the limit: what is refused changes nothing", "[D02][R17]") {
  DlBandwidth account;
  account.add(share(50, 100));
  CHECK(account.set_limit(0, 0, 1).error() == Errno::kINVAL);
  CHECK(account.set_limit(1000, 1001, 1).error() == Errno::kINVAL);
  CHECK(account.set_limit(1000, -2, 1).error() == Errno::kINVAL);
  CHECK(account.set_limit(1000000, 499999, 1).error() == Errno::kBUSY);
  CHECK(account.limit() == 996147);
  CHECK(account.runtime_us() == 950000);
  CHECK(account.set_limit(1000000, 499999, 2).has_value());
  CHECK(account.set_limit(1000000, 500000, 1).has_value());
  CHECK(account.overflows(DlBandwidth::kFullCpu, 0, 1));
  CHECK(account.set_limit(1000000, -1, 1).has_value());
  CHECK_FALSE(account.is_limited());
  CHECK_FALSE(account.overflows(DlBandwidth::kFullCpu, 0, u64{1} << 40));
  CHECK(account.max_bw() == u64{1} << 20);
  CHECK(account.bw_ratio() == 256);
  CHECK(account.set_limit(1000000, 950000, 1).has_value());
  CHECK(account.max_bw() == 996147);
  CHECK(account.bw_ratio() == 269);
}
