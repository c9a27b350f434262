// SPDX-License-Identifier: Apache-2.0
#include "qemu/trace/log.hpp"

#include "qemu/sort.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <stdexcept>

namespace runnel::qemu {
namespace {

using trace::Event;
using trace::EventType;

std::string comm_of(const Event& event) {
  char comm[17] = {};
  std::memcpy(comm, &event.a, 8);
  std::memcpy(comm + 8, &event.b, 8);
  return comm;
}

void read_ring(const std::string& name, std::string_view bytes, TraceLog& log) {
  trace::RingHeader header;
  if (bytes.size() < sizeof header) throw std::runtime_error(name + ": too short for a ring");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != trace::kRingMagic) throw std::runtime_error(name + ": not a ring of events");
  if (fmt::format("trace.cpu{}", header.cpu) != name)
    throw std::runtime_error(fmt::format("{}: holds the ring of CPU {}", name, header.cpu));
  bytes.remove_prefix(sizeof header);
  if (header.capacity == 0 || header.capacity > bytes.size() / sizeof(Event))
    throw std::runtime_error(fmt::format("{}: a capacity of {} events does not fit", name, header.capacity));
  const u64 kept = std::min<u64>(header.written, header.capacity);
  log.written[header.cpu] = header.written;
  if (kept < header.written) log.lost[header.cpu] = header.written - kept;
  u64 last_ns = 0;
  for (u64 n = header.written - kept; n < header.written; ++n) {
    Event event;
    std::memcpy(&event, bytes.data() + n % header.capacity * sizeof event, sizeof event);
    if (event.cpu != header.cpu)
      log.damage.push_back(fmt::format("cpu {}: event {} says it is CPU {}'s", header.cpu, n, event.cpu));
    if (event.time_ns < last_ns)
      log.damage.push_back(fmt::format("cpu {}: event {} is {} ns earlier than the one before it", header.cpu,
                                       n, last_ns - event.time_ns));
    last_ns = event.time_ns;
    if (n == header.written - kept && kept < header.written)
      log.complete_from_ns = std::max(log.complete_from_ns, event.time_ns);
    if (event.type == EventType::kTaskName)
      log.names[event.pid] = comm_of(event);
    else
      log.events.push_back(event);
  }
}

} // namespace

u64 TraceLog::lost_events() const {
  u64 sum = 0;
  for (const auto& [cpu, n] : lost) sum += n;
  return sum;
}

std::string TraceLog::name_of(u32 pid, u32 cpu) const {
  if (pid == 0) return fmt::format("swapper/{}", cpu);
  const auto known = names.find(pid);
  return known != names.end() && !known->second.empty() ? known->second : "<...>";
}

TraceLog read_rings(const std::map<std::string, std::string>& bulk) {
  TraceLog log;
  for (const auto& [name, bytes] : bulk)
    if (name.starts_with("trace.cpu")) read_ring(name, bytes, log);
  sort_by(log.events, [](const Event& e) { return std::pair(e.time_ns, e.cpu); });
  return log;
}

} // namespace runnel::qemu
