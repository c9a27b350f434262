// SPDX-License-Identifier: Apache-2.0
#include "sched/sim/boot.hpp"

#include "sched/sim/machine.hpp"

#include <memory>
#include <sched/rq.hpp>

namespace runnel::sim {
namespace {

using sched::port::IrqGuard;

bool need_resched(const ThreadInfo& thread) {
  return (thread.flags.load(std::memory_order_relaxed) & kNeedResched) != 0;
}

/// What `sti; hlt; cli` does: interrupts come in while it waits, and at least one before it goes on.
void wait_for_interrupt() {
  VirtualCpu& cpu = *executing;
  cpu.irqs_on = true;
  ++cpu.quiescent_passes;
  machine->suspend(kNoTime, At::kHalt);
  take_interrupts();
  cpu.irqs_on = false;
}

void halt_until_interrupt(ThreadInfo& thread) {
  const IrqGuard irqs_off;
  thread.flags.fetch_and(~kPolling, std::memory_order_relaxed);
  // B8: as in kernel/smp/idle.cpp; pairs with the read-modify-write in resched_curr.
  sched::port::full_barrier();
  if (!need_resched(thread)) wait_for_interrupt();
  thread.flags.fetch_or(kPolling, std::memory_order_relaxed);
}

void idle_entry(Fiber&) {
  machine->resumed();
  idle_loop();
}

void stopper_entry(Fiber&) {
  sched::schedule_tail(switched_in());
  sched::stopper_main(executing->id);
}

/// What the firmware would tell of this shape.
void build_domains(const Shape& shape) {
  static std::vector<sched::CpuPlace> places; // read again when CPUs come and go
  places.clear();
  for (u32 i = 0; i < shape.cpus(); ++i) {
    const CpuId cpu{i};
    places.push_back({.core = shape.core_of(cpu),
                      .cluster = shape.llc_of(cpu),
                      .llc = shape.llc_of(cpu),
                      .package = shape.socket_of(cpu),
                      .node = shape.node_of(cpu)});
  }
  if (!sched::sched_build_domains({places, shape.nodes, {}}))
    machine->fail("domains", "no domains for " + to_string(shape));
}

} // namespace

void boot(Machine& m, std::function<void()> init_body) {
  // The first context is nobody the scheduler knows, as on the machine.
  Task boot_context;
  boot_context.thread.preempt_count = kPreemptOne;
  executing = &m.cpu(0);
  for (u32 i = 0; i < m.nr_cpus(); ++i) {
    Task& idle = m.idle(i);
    VirtualCpu& cpu = m.cpu(i);
    cpu.current = &idle.thread;
    idle.owner = i;
    idle.switched_in_at = now_ns;
    if (i != 0) fiber_create(idle.fiber, idle_entry);
  }
  m.cpu(0).current = &boot_context.thread;
  m.online() = CpuMask::first(m.nr_cpus());
  std::destroy_at(&sched::root_domain());
  std::construct_at(&sched::root_domain());
  sched::sched_forget_domains();
  for (u32 i = 0; i < m.nr_cpus(); ++i) {
    sched::sched_init_cpu(CpuId{i}, m.idle(i));
    sched::sched_cpu_activate(CpuId{i});
  }
  for (u32 i = 0; i < m.nr_cpus(); ++i) {
    Task& stopper = m.allocate_task(stopper_entry);
    ++stopper.refs; // never dies
    sched::sched_init_task(stopper, CpuMask::of(CpuId{i}));
    const std::string name = "migration/" + std::to_string(i);
    name.copy(stopper.comm, sizeof stopper.comm - 1);
    sched::sched_set_stopper(CpuId{i}, stopper);
    sched::wake_up_new_task(stopper);
  }
  spawn({.name = "init"}, [&m, body = std::move(init_body)] {
    build_domains(m.config().shape);
    body();
    m.stop();
  });
  m.cpu(0).current = &m.idle(0).thread;
}

void idle_loop() {
  ThreadInfo& thread = *executing->current;
  sched::port::irq_enable();
  for (;;) {
    thread.flags.fetch_or(kPolling, std::memory_order_relaxed);
    while (!need_resched(thread)) halt_until_interrupt(thread);
    thread.flags.fetch_and(~kPolling, std::memory_order_relaxed);
    sched::port::full_barrier(); // B8, as above
    {
      const IrqGuard irqs_off;
      sched::reschedule_interrupt(); // wake-ups that came while polling
    }
    sched::schedule_idle();
  }
}

} // namespace runnel::sim
