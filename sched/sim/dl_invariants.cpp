// SPDX-License-Identifier: Apache-2.0
// What must hold of the deadline class whenever the whole machine is at rest: global EDF (D35), and sums and
// account that are those of the tasks and servers there are (D05); nobody runs throttled (D30).
#include "sched/sim/invariants.hpp"
#include "sched/sim/machine.hpp"

#include <sched/proxy.hpp>
#include <sched/rq.hpp>
#include <sched/sched_class.hpp>

namespace runnel::sim {
namespace {

/// Nobody is in the middle of scheduler code, and no interrupt is on its way that would do something there.
bool is_at_rest(Machine& m) {
  if (m.in_scheduler() != 0) return false;
  for (u32 i = 0; i < m.nr_cpus(); ++i) {
    const sched::Rq& rq = sched::cpu_rq(CpuId{i});
    if (m.cpu(i).ipi_at != kNoTime || rq.donor == rq.stop || rq.balance_push) return false;
    // An interrupt that waits until its CPU gets to it may have set this.
    if ((m.cpu(i).current->flags.load(std::memory_order_relaxed) & kNeedResched) != 0) return false;
  }
  return true;
}

/// What lets the donor of `rq` run: its own deadline, or that of the server it runs by. Nothing: another
/// class's right.
const sched::DlEntity* runs_by(const sched::Rq& rq) {
  if (rq.donor->sched_class == &sched::dl_sched_class) return &rq.donor->dl;
  const sched::DlEntity* server = rq.donor->dl_server;
  return server != nullptr && server->is_queued() ? server : nullptr;
}

/// Nobody waits whose deadline is earlier than that of somebody who runs where it may run.
void check_global_edf(Machine& m, const Task& waiting) {
  for (u32 i = 0; i < m.nr_cpus(); ++i) {
    const sched::Rq& rq = sched::cpu_rq(CpuId{i});
    if (!waiting.cpus_ptr->test(CpuId{i}) || !m.active().test(CpuId{i}) || !rq.online) continue;
    const sched::DlEntity* runs = runs_by(rq);
    if (runs != nullptr && !sched::dl_before(waiting.dl.deadline, runs->deadline)) continue;
    m.fail("D35",
           "task " + std::to_string(waiting.pid) + " of cpu " + std::to_string(waiting.task_cpu().value) +
               " waits with deadline " + std::to_string(waiting.dl.deadline) + ", but cpu " +
               std::to_string(i) + " runs " + std::to_string(rq.donor->pid) +
               (runs == nullptr ? " of another class" : " with deadline " + std::to_string(runs->deadline)));
  }
}

void expect(Machine& m, u32 cpu, const char* what, u64 is, u64 should_be) {
  if (is == should_be) return;
  m.fail("D05", "cpu " + std::to_string(cpu) + ": " + what + " is " + std::to_string(is) +
                    ", of its entities " + std::to_string(should_be));
}

void check_sums(Machine& m) NO_THREAD_SAFETY_ANALYSIS {
  std::vector<u32>& bws = m.scratch(); // this_bw, then running_bw of all CPUs
  const u32 n = m.nr_cpus();
  bws.assign(usize{2} * n, 0);
  u64 total = 0;
  for (const Task* task : m.tasks()) {
    const sched::DlEntity& se = task->dl;
    if (se.bw == 0) continue;
    total += se.bw; // of one that left the class until its 0-lag time
    if (!sched::is_dl_policy(task->policy)) continue;
    const u32 cpu = task->cpu.load(std::memory_order_relaxed);
    bws[cpu] += static_cast<u32>(se.bw);
    if (task->is_queued() || se.non_contending) bws[n + cpu] += static_cast<u32>(se.bw);
  }
  for (u32 i = 0; i < n; ++i) {
    const sched::DlRq& dl = sched::cpu_rq(CpuId{i}).dl;
    for (const sched::DlEntity* se : {&dl.fair_server, &dl.ext_server}) {
      bws[i] += static_cast<u32>(se->bw);
      if (se->active || se->non_contending) bws[n + i] += static_cast<u32>(se->bw);
      if (dl.servers_admitted) total += se->bw;
    }
    expect(m, i, "this_bw", dl.sums.this_bw, bws[i]);
    expect(m, i, "running_bw", dl.sums.running_bw, bws[n + i]);
  }
  expect(m, 0, "total_bw of its domain", sched::root_domain().dl_bw.account.total(), total);
}

} // namespace

void check_deadline_class(Machine& m) {
  if (!is_at_rest(m)) return;
  ++m.counters().rests;
  for (const Task* task : m.tasks())
    // One that waits for a mutex lends itself to the owner, where that is (spec 6).
    if (task->dl.is_queued() && !task->is_on_cpu() && task->migration_disabled == 0 &&
        !sched::task_is_blocked(*task))
      check_global_edf(m, *task);
  for (u32 i = 0; i < m.nr_cpus(); ++i)
    if (const sched::Task& runs = *sched::cpu_rq(CpuId{i}).donor;
        runs.sched_class == &sched::dl_sched_class && !runs.dl.is_queued())
      m.fail("D30",
             "cpu " + std::to_string(i) + " runs " + std::to_string(runs.pid) + ", which is throttled");
  check_sums(m);
}

} // namespace runnel::sim
