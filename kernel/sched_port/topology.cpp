// SPDX-License-Identifier: Apache-2.0
#include "kernel/sched_port/topology.hpp"

#include "kernel/debug/panic.hpp"
#include "kernel/log/log.hpp"
#include "kernel/smp/cpumask.hpp"

#include <sched/topology.hpp>

namespace runnel {
namespace {

static_assert(arch::kMaxNodes <= sched::kMaxTopologyNodes);

constinit sched::CpuPlace places[kMaxCpus];
constinit u8 distance[arch::kMaxNodes * arch::kMaxNodes];

} // namespace

void build_sched_domains() {
  const arch::MachineInfo& machine = machine_info();
  for (u32 i = 0; i < machine.nr_cpus; ++i) {
    const arch::CpuDescription& cpu = machine.cpus[i];
    places[i] = {cpu.core, cpu.cluster, cpu.llc, cpu.package, cpu.node};
  }
  for (u32 from = 0; from < machine.nr_nodes; ++from)
    for (u32 to = 0; to < machine.nr_nodes; ++to)
      distance[from * machine.nr_nodes + to] = machine.node_distance[from][to];
  const Result<> built =
      sched::sched_build_domains({std::span(places, machine.nr_cpus), machine.nr_nodes,
                                  std::span(distance, machine.nr_nodes * machine.nr_nodes)});
  if (!built) panic("sched: no domains can be built for this machine: error {}", built.error());
}

void rebuild_sched_domains() {
  if (!sched::sched_rebuild_domains()) panic("sched: no domains can be built for the CPUs that are left");
}

void log_sched_domains() {
  struct Lines final : Sink {
    void write(std::string_view text) override {
      for (const char c : text) {
        if (c != '\n') {
          line.write({&c, 1});
          continue;
        }
        printk_debug("sched: domain {}", line.view());
        line = BufferSink(buffer);
      }
    }
    char buffer[200];
    BufferSink line{buffer};
  } lines;
  sched::describe_domains(lines);
}

} // namespace runnel
