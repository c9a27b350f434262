// SPDX-License-Identifier: Apache-2.0
// Domains in words.
#include "sched/topology/publish.hpp"

#include <sched/port.hpp>
#include <sched/topology.hpp>

namespace runnel::sched {
namespace {

/// "0-3,8".
void write_cpus(const CpuMask& cpus, Sink& sink) {
  bool first = true;
  for (u32 at = cpus.next(0).value; at < kMaxCpus;) {
    u32 end = at;
    while (end + 1 < kMaxCpus && cpus.test(CpuId{end + 1})) ++end;
    format_to(sink, "{}{}", first ? "" : ",", at);
    if (end != at) format_to(sink, "-{}", end);
    first = false;
    at = end + 1 < kMaxCpus ? cpus.next(end + 1).value : kMaxCpus;
  }
}

void describe_domain(const SchedDomain& sd, Sink& sink) {
  format_to(sink, "{} ", to_string(sd.level));
  write_cpus(*sd.span, sink);
  sink.write(":");
  const SchedGroup* group = sd.groups;
  do {
    sink.write(" ");
    write_cpus(*group->cpus, sink);
    group = group->next;
  } while (group != sd.groups);
  if (sd.imb_numa_nr != 0) format_to(sink, " (imbalance allowed {})", sd.imb_numa_nr);
  sink.write("\n");
}

void describe_level(const DomainBuilder& set, DomainLevel level, Sink& sink) {
  for (const CpuId cpu : set.partition())
    for (const SchedDomain* sd = set.of(cpu).lowest; sd != nullptr; sd = sd->parent) {
      // A unit's domain once, by its first CPU; a NUMA domain once a node, whose groups begin elsewhere.
      const bool node_first = sd->groups->cpus->lowest() == cpu;
      if (sd->level == level && (level == DomainLevel::kNuma ? node_first : sd->span->lowest() == cpu))
        describe_domain(*sd, sink);
    }
}

} // namespace

void describe_domains(Sink& sink) {
  const port::RcuReadGuard reading;
  const DomainBuilder* set = current_domains();
  if (set == nullptr) return sink.write("no domains yet\n");
  for (u32 level = 0; level <= static_cast<u32>(DomainLevel::kNuma); ++level)
    describe_level(*set, static_cast<DomainLevel>(level), sink);
  const BuildReport& report = set->report();
  if (report.units.cut_at_nodes != 0)
    format_to(sink, "cut at NUMA nodes: the caches or packages of {} CPUs\n", report.units.cut_at_nodes);
  if (report.units.merged != 0)
    format_to(sink, "joined: units that {} CPUs' smaller units reach over\n", report.units.merged);
  if (report.units.bad_nodes != 0)
    format_to(sink, "on node 0: {} CPUs with a node that does not exist\n", report.units.bad_nodes);
  if (report.units.bad_distances) sink.write("NUMA distances make no sense: all CPUs are on one node\n");
  if (report.distances_capped) sink.write("too many NUMA distances: the farthest ones are one level\n");
}

} // namespace runnel::sched
