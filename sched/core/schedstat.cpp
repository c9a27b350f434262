// SPDX-License-Identifier: Apache-2.0
// The text of /proc/schedstat.
#include <sched/rq.hpp>
#include <sched/sched.hpp>
#include <sched/schedstat.hpp>

namespace runnel::sched {
namespace {

/// In words of 32 bits from the highest, as many digits as the machine has CPUs for.
void write_mask(const CpuMask& cpus, u32 possible, Sink& to) {
  for (u32 word = (possible + 31) / 32; word-- > 0;) {
    u32 bits = 0;
    const u32 here = word == possible / 32 ? possible % 32 : 32;
    for (u32 i = 0; i < here; ++i) bits |= u32{cpus.test(CpuId{word * 32 + i})} << i;
    for (u32 digit = (here + 3) / 4; digit-- > 0;) format_to(to, "{:x}", bits >> (4 * digit) & 0xf);
    if (word != 0) to.write(",");
  }
}

void write_balance(const BalanceCounts& n, Sink& to) {
  format_to(to, " {} {} {} {} {} {} 0 {} {} {} {}", n.attempts.read(), n.balanced.read(), n.failed.read(),
            n.imbalance_load.read(), n.imbalance_util.read(), n.imbalance_tasks.read(), n.gained.read(),
            n.hot_gained.read(), n.no_busiest_queue.read(), n.no_busiest_group.read());
}

void write_domain(u32 index, const SchedDomain& sd, Sink& to) {
  const DomainCounts& n = sd.counts;
  format_to(to, "domain{} {} ", index, to_string(sd.level));
  write_mask(*sd.span, port::possible_cpus().count(), to);
  for (const BalanceCounts& balance : n.balance) write_balance(balance, to);
  // Balancing at exec and at fork is not counted by anybody, nor are moves to even out the load of a wake-up.
  format_to(to, " {} {} {} 0 0 0 0 0 0 {} {} 0\n", n.active.read(), n.active_failed.read(),
            n.active_pushed.read(), n.wakes_remote.read(), n.moves_affine.read());
}

void write_cpu(CpuId cpu, Sink& to) {
  const CpuStats stats = cpu_stats(cpu);
  const RqCounts& n = cpu_rq(cpu).counts;
  format_to(to, "cpu{} {} 0 {} {} {} {} {} {} {}\n", cpu, n.yields.read(), n.schedules.read(),
            n.idle_picks.read(), n.wakes.read(), n.local_wakes.read(), stats.busy_time, n.waited_ns.read(),
            stats.nr_switches - n.idle_picks.read());
}

} // namespace

void write_schedstat(Sink& to) {
  format_to(to, "version 17\ntimestamp {}\n", port::clock().ns / port::kTick.ns);
  for (const CpuId cpu : port::online_cpus()) {
    write_cpu(cpu, to);
    const port::RcuReadGuard reading;
    u32 index = 0;
    for (const SchedDomain* sd = cpu_domains(cpu).lowest; sd != nullptr; sd = sd->parent)
      write_domain(index++, *sd, to);
  }
}

} // namespace runnel::sched
