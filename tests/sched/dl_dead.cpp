// SPDX-License-Identifier: Apache-2.0
// A task that has ended keeps no bandwidth, whatever attributes it is given by somebody who still has a
// reference.
#include "tests/sched/dl_sim.hpp"

#include <catch2/catch.hpp>

using namespace runnel;

TEST_CASE("attributes that are given to the dead take no bandwidth", "[D05]") {
  const bool was_deadline = GENERATE(true, false);
  const bool long_dead = GENERATE(true, false);
  sim::Config config;
  config.shape = *sim::parse_shape("1x2x1");
  sim::run(config, [&] {
    const u64 before = sched::dl_limit().total_bw;
    const sim::TaskRef task = sim::spawn({}, [&] {
      if (was_deadline) REQUIRE(sim::set_deadline(sim::self(), 2_ms, 20_ms, 20_ms));
      sim::compute(100_us);
    });
    sim::join(task);
    sim::sleep(long_dead ? 50_ms : 1_ms); // past its 0-lag time, or not
    static_cast<void>(sim::set_deadline(*task, 3_ms, 20_ms, 20_ms));
    sim::sleep(100_ms);
    CHECK(sched::dl_limit().total_bw == before);
    static_cast<void>(sim::set_deadline(*task, 4_ms, 20_ms, 20_ms));
    static_cast<void>(sim::set_normal(*task));
    sim::sleep(100_ms);
    CHECK(sched::dl_limit().total_bw == before);
    u64 counted = 0;
    for (u32 i = 0; i < 2; ++i) {
      const sched::DlRq& dl = sched::cpu_rq(CpuId{i}).dl;
      counted += dl.sums.this_bw - dl.fair_server.bw - dl.ext_server.bw;
    }
    CHECK(counted == 0);
  });
}
