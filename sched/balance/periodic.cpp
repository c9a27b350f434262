// SPDX-License-Identifier: Apache-2.0
// Balancing by the clock (spec 1.13, 3.12): each busy CPU its domains when they are due, and one idle CPU for
// all those whose tick is off.
#include "sched/balance/balance.hpp"
#include "sched/balance/env.hpp"
#include "sched/balance/holder.hpp"

#include <algorithm>
#include <sched/tick.hpp>

namespace runnel::sched {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

constinit std::atomic<u32> serialized{0}; // somebody balances a domain that one CPU at a time balances

struct Tickless {
  AtomicCpuMask cpus;
  std::atomic<u32> somebody{0}; // B12
  std::atomic<u64> next_kick{0};
};
constinit Tickless tickless;

/// Balancing counts in ticks, as its intervals are few of them: what begins a bit later in one tick than in
/// the last one is due all the same.
Instant this_tick() { return whole_ticks(port::clock()); }

Duration interval_of(const SchedDomain& sd, Balancer who) {
  Duration interval = Duration{1'000'000} * sd.balance_interval_ms;
  if (who == Balancer::kBusy) interval = interval * sd.busy_factor - port::kTick;
  const Duration most = 100_ms * port::online_cpus().count(); // HZ * cpus / 10 ticks
  return std::clamp(interval, port::kTick, std::max(most, port::kTick));
}

u32 balance_due_domain(CpuId cpu, SchedDomain& sd, Balancer who, GoOn& go_on) {
  const bool one_at_a_time = (sd.flags & kSdSerialize) != 0;
  if (one_at_a_time && serialized.exchange(1, std::memory_order_acquire) != 0) return 0;
  const u32 moved = balance_domain(cpu, sd, who, go_on);
  if (one_at_a_time) serialized.store(0, std::memory_order_release);
  if (go_on == GoOn::kYes || who != Balancer::kIdle) sd.last_balance = this_tick();
  return moved;
}

/// What newly-idle balancing took at most fades; the sum over the domains bounds avg_idle.
void decay_newidle_costs(Rq& rq, Instant now) {
  Duration sum;
  for (SchedDomain* sd = cpu_domains(rq.cpu).lowest; sd != nullptr; sd = sd->parent) {
    newidle_note_cost(*sd, Duration{0}, now);
    sum += sd->max_newidle_cost;
  }
  rq.balance.max_newidle_cost = std::max(sum, 500_us);
}

/// All domains of `cpu` that are due; the caller is its balancer.
void balance_domains(Rq& rq, Balancer who) {
  const Instant now = this_tick();
  decay_newidle_costs(rq, now);
  Instant next = now + 60_s;
  GoOn go_on = GoOn::kYes;
  for (SchedDomain* sd = cpu_domains(rq.cpu).lowest; sd != nullptr; sd = sd->parent) {
    if (go_on == GoOn::kYes && !now.is_before(sd->last_balance + interval_of(*sd, who)) &&
        balance_due_domain(rq.cpu, *sd, who, go_on) != 0 && !cpu_is_idle(rq.cpu))
      who = Balancer::kBusy;
    const Instant due = sd->last_balance + interval_of(*sd, who);
    if (due.is_before(next)) next = due;
  }
  rq.balance.next_balance.store(next.ns, kRelaxed);
}

bool is_due(const Rq& rq) { return !this_tick().is_before(Instant{rq.balance.next_balance.load(kRelaxed)}); }

void balance_if_due(CpuId cpu, Balancer who) {
  Rq& rq = cpu_rq(cpu);
  if (!is_due(rq)) return;
  const BalanceHolder holder(rq);
  if (holder.holds() && is_due(rq)) balance_domains(rq, who);
}

/// Is there something for idle CPUs to do, as far as this CPU sees?
bool wants_help(const Rq& rq) {
  const u32 all = rq.nr_running_hint.load(kRelaxed);
  if (all - std::min(all, rq.balance.load.nr_delayed.load(kRelaxed)) >= 2) return true;
  // Several busy CPUs under one cache, or several threads of one core, while another one idles.
  const SchedDomain* cache = cpu_domains(rq.cpu).llc;
  return cache != nullptr && cache->shared->nr_busy_cpus.load(kRelaxed) > 1;
}

/// An idle CPU whose tick is off, other than `asking`.
CpuId find_tickless(CpuId asking) {
  const CpuMask idle = tickless.cpus.load() & port::active_cpus();
  for (const CpuId cpu : idle)
    if (cpu != asking && cpu_is_idle(cpu)) return cpu;
  return {kMaxCpus};
}

/// One kick a tick; a CPU that finds nobody to be kicked leaves it to the next one.
void kick_idle_balancer(const Rq& rq) {
  if (tickless.somebody.load(kRelaxed) == 0 || !wants_help(rq)) return;
  const Instant now = this_tick();
  u64 next = tickless.next_kick.load(kRelaxed);
  if (now.is_before(Instant{next})) return;
  const CpuId cpu = find_tickless(rq.cpu);
  if (cpu.value == kMaxCpus) return;
  if (!tickless.next_kick.compare_exchange_strong(next, (now + port::kTick).ns, kRelaxed)) return;
  if (cpu_rq(cpu).balance.kicked.exchange(1) == 0) port::send_reschedule(cpu);
}

/// One busy CPU more (1) or fewer (-1), once a change.
void count_busy(SchedDomain* cache, i32 change) {
  if (cache == nullptr || cache->tickless == (change < 0)) return;
  cache->tickless = change < 0;
  cache->shared->nr_busy_cpus.fetch_add(static_cast<u32>(change), kRelaxed);
}

} // namespace

void balance_tick() {
  Rq& rq = this_rq();
  if (cpu_domains(rq.cpu).lowest == nullptr) return; // outside of the partition
  balance_if_due(rq.cpu, Balancer::kBusy);
  kick_idle_balancer(rq);
}

void balance_kicked() {
  Rq& here = this_rq();
  if (here.balance.kicked.load(kRelaxed) == 0) return;
  here.balance.kicked.store(0);
  tickless.somebody.store(0, kRelaxed);
  port::full_barrier(); // B12: pairs with balance_enter_idle. Who is not seen below sets the flag again
  const CpuMask idle = tickless.cpus.load();
  if (!idle.empty()) tickless.somebody.store(1, kRelaxed);
  for (const CpuId cpu : idle) {
    if (!cpu_is_idle(here.cpu)) return; // there is work here now; a later kick does the rest
    if (cpu != here.cpu && cpu_is_idle(cpu)) balance_if_due(cpu, Balancer::kIdle);
  }
  balance_if_due(here.cpu, Balancer::kIdle); // last: it may end being idle
}

void balance_enter_idle(Rq& rq) {
  const CpuDomains& place = cpu_domains(rq.cpu);
  if (place.llc != nullptr) {
    count_busy(place.llc, -1);
    std::atomic<u32>& hint = place.llc->shared->has_idle_cores;
    bool core_idles = hint.load(kRelaxed) == 0;
    for (const CpuId thread : *place.core)
      if (thread != rq.cpu && !cpu_is_idle(thread)) core_idles = false;
    if (core_idles) hint.store(1, kRelaxed);
  }
  rq.balance.idle_since.store(rq_clock(rq).ns, kRelaxed);
  // Idle CPUs balance more often: which domain is due is looked at anew.
  rq.balance.next_balance.store(0, kRelaxed);
  tickless.cpus.set(rq.cpu);
  port::full_barrier(); // B12: the mask before the flag; pairs with balance_kicked
  tickless.somebody.store(1, kRelaxed);
}

void balance_forget() {
  for (const CpuId cpu : CpuMask::all()) tickless.cpus.clear(cpu);
  tickless.somebody.store(0, kRelaxed);
  tickless.next_kick.store(0, kRelaxed);
}

void balance_leave_idle(Rq& rq) {
  count_busy(cpu_domains(rq.cpu).llc, 1);
  tickless.cpus.clear(rq.cpu);
}

void balance_note_idle_end(Rq& rq) {
  if (rq.idle_stamp.ns == 0) return;
  const Duration idle = rq_clock(rq) - rq.idle_stamp;
  rq.idle_stamp = {};
  rq.avg_idle = std::min(rq.avg_idle + (idle - rq.avg_idle) / 8, rq.balance.max_newidle_cost * 2);
}

} // namespace runnel::sched
