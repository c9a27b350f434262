// SPDX-License-Identifier: Apache-2.0
// The scheduler's port on the simulated machine.
#include "sched/sim/invariants.hpp"
#include "sched/sim/machine.hpp"

#include <sched/rq.hpp>
#include <sched/tick.hpp>

namespace runnel::sched::port {
namespace {

sim::Task& simulated(Task& task) { return static_cast<sim::Task&>(task); }
sim::Machine& ground() { return *sim::machine; }

constexpr u32 kTooManySpins = 30'000; // some 2 ms

} // namespace

void assertion_failed(std::source_location where) {
  std::string file = where.file_name();
  file = file.substr(file.rfind("sched/") == std::string::npos ? 0 : file.rfind("sched/"));
  ground().fail("assert", file + ":" + std::to_string(where.line()) + " in " + where.function_name());
}
void locks_held(const char* doing) { ground().fail("C10", doing); }

void relax() {
  // Costs time, so that who is waited for gets on; how much is a matter of chance, so that waiters do not
  // march in step.
  if (++sim::executing->spins > kTooManySpins)
    ground().fail("livelock", "a CPU waits in a loop and nothing comes of it");
  ground().suspend(sim::now_ns + ground().chance().between(20, 120));
  if (irqs_enabled()) sim::take_interrupts();
}

void preempt_schedule() {
  const IrqGuard irqs_off;
  preempt_schedule_irq();
}

Duration irq_time(CpuId cpu) { return ground().cpu(cpu.value).irq_time; }

void send_reschedule(CpuId cpu) {
  sim::Machine& m = ground();
  ++m.counters().ipis_sent;
  if (m.config().mutation == sim::Mutation::kDropIpi && m.chance().one_in(64)) return;
  sim::VirtualCpu& target = m.cpu(cpu.value);
  if (target.ipi_at != sim::kNoTime) return;
  target.ipi_at = sim::now_ns + static_cast<u64>(m.config().ipi_latency.ns);
  m.interrupts_changed(target);
}

void mm_cid_defer(MmCid&) {
  ground().fail("mm_cid", "no task of the simulated machine has an address space");
}

void timer_start(Timer& timer, Instant expires) {
  sim::VirtualCpu& cpu = *sim::executing;
  if (timer.state == Timer::State::kQueued) ground().fail("timer", "a timer is started that is queued");
  timer.expires = expires;
  timer.sequence = cpu.timer_sequence++;
  timer.cpu = cpu.id.value;
  timer.state = Timer::State::kQueued;
  cpu.timers.insert(timer);
  ground().interrupts_changed(cpu);
}

bool timer_cancel(Timer& timer) {
  if (timer.state != Timer::State::kQueued) return false;
  sim::VirtualCpu& cpu = ground().cpu(timer.cpu);
  cpu.timers.erase(timer);
  timer.state = Timer::State::kIdle;
  ground().interrupts_changed(cpu);
  return true;
}

bool timer_is_queued(const Timer& timer) { return timer.state == Timer::State::kQueued; }

void tick_start() {
  sim::TickTimer& timer = sim::executing->tick;
  timer.running = true;
  if (timer.state == Timer::State::kIdle) timer_start(timer, next_tick(clock(), this_cpu()));
}

void tick_stop() {
  sim::TickTimer& timer = sim::executing->tick;
  timer.running = false;
  timer_cancel(timer);
}

CpuMask possible_cpus() { return CpuMask::first(ground().nr_cpus()); }
CpuMask online_cpus() { return ground().online(); }
CpuMask active_cpus() { return ground().active(); }
void set_cpu_active(CpuId cpu) { ground().active().set(cpu); }
void set_cpu_inactive(CpuId cpu) { ground().active().clear(cpu); }

Task* context_switch(Task& prev, Task& next) {
  sim::Machine& m = ground();
  sim::VirtualCpu& cpu = *sim::executing;
  if (m.config().switch_cost.ns != 0) m.suspend(sim::now_ns + static_cast<u64>(m.config().switch_cost.ns));
  if (m.config().mutation == sim::Mutation::kEarlyRelease && m.chance().one_in(64)) {
    prev.on_cpu.store(0, std::memory_order_release);
    m.suspend(sim::now_ns + 30'000);
  }
  ++m.counters().switches;
  sim::Task& from = simulated(prev);
  sim::Task& to = simulated(next);
  sim::check_switch_in(m, cpu, to);
  from.on_cpu_time += Duration{static_cast<i64>(sim::now_ns - from.switched_in_at)};
  to.switched_in_at = sim::now_ns;
  to.owner = cpu.id.value;
  cpu.current = &to.thread;
  cpu.switched_from = &prev;
  sim::fiber_switch(from.fiber, to.fiber);
  return &sim::switched_in(); // some CPU has switched back to `prev`
}

void get_task(Task& task) { ++simulated(task).refs; }
void put_task(Task& task) {
  if (--simulated(task).refs == 0) ground().release_task(simulated(task));
}
void task_dead(Task& task) {
  const PreemptGuard no_preempt;
  put_task(task);
}

void note_context_switch() {
  ++sim::executing->quiescent_passes;
  sim::executing->spins = 0;
}

void synchronize() {
  sim::Machine& m = ground();
  for (u32 i = 0; i < m.nr_cpus(); ++i) {
    sim::VirtualCpu& other = m.cpu(i);
    const u64 passes = other.quiescent_passes;
    while (&other != sim::executing && other.quiescent_passes == passes && other.at != sim::At::kHalt &&
           (other.current->preempt_count != 0 || !other.irqs_on))
      relax();
  }
}

u64 random_seed() { return ground().config().seed; }
void notice(const Task& task, const char*) {
  ++ground().counters().notices;
  // What is told of is that its mask was widened: where it may run for certain is no longer known.
  auto& target = const_cast<sim::Task&>(static_cast<const sim::Task&>(task));
  target.settled_mask = CpuMask::all();
  ++target.affinity_changes; // a mask that is being set meanwhile may be gone again
}

void trace(trace::EventType type, u32 pid, u64 a, u64 b) {
  ground().trace().push_back({sim::now_ns, type, static_cast<u16>(this_cpu().value), pid, a, b});
}

} // namespace runnel::sched::port

namespace runnel::sim {

void TickTimer::fire(Timer& timer) {
  auto& self = static_cast<TickTimer&>(timer);
  ++machine->counters().ticks;
  sched::scheduler_tick();
  if (!self.running) return;
  sched::port::timer_start(timer, sched::next_tick(now(), sched::port::this_cpu()));
}

void Lock::wait(u32 ticket) {
  executing->waits_for = this;
  while (owner_ != ticket) sched::port::relax();
  executing->waits_for = nullptr;
}
void Lock::out_of_order(const Lock& held) const {
  machine->fail("C10", "lock order: " + std::string(to_string(rank_)) + " is taken while " +
                           std::string(to_string(held.rank_)) + " is held");
}
void Lock::not_held() const { machine->fail("C10", std::string(to_string(rank_)) + " is not held"); }
void Lock::preemptible() const {
  machine->fail("C10", std::string(to_string(rank_)) + " is taken with preemption on");
}

} // namespace runnel::sim
