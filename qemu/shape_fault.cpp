// SPDX-License-Identifier: Apache-2.0
#include "qemu/shape_fault.hpp"

#include "kernel/lib/types.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <vector>

namespace runnel::qemu {
namespace {

std::optional<u64> count_in(std::string_view text) {
  u32 value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// What does not fit, read from left to right; empty: everything by itself is right.
std::string fault_of(std::string_view text) {
  if (text.empty()) return "nothing is given";
  u64 nodes = 1;
  if (const auto colon = text.find(':'); text.front() == 'n' || colon != std::string_view::npos) {
    const std::string_view number = text.substr(0, colon).substr(text.front() == 'n' ? 1 : 0);
    if (text.front() != 'n' || colon == std::string_view::npos || !count_in(number))
      return "before a colon stands n and the number of NUMA nodes";
    nodes = *count_in(number);
    if (nodes == 0) return "a machine has at least one NUMA node";
    text.remove_prefix(colon + 1);
  }
  std::optional<u64> cache;
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    cache = count_in(text.substr(slash + 1));
    if (!cache || *cache == 0) return "after the slash stands how many cores share a cache";
    text = text.substr(0, slash);
  }
  std::vector<u64> counts;
  for (;;) {
    const auto cross = text.find('x');
    const std::string_view part = text.substr(0, cross);
    const auto count = count_in(part);
    if (!count) return fmt::format("\"{}\" is no number", part);
    if (*count == 0) return "a machine has at least one socket, core and thread";
    counts.push_back(*count);
    if (cross == std::string_view::npos) break;
    text.remove_prefix(cross + 1);
  }
  if (counts.size() > 3)
    return fmt::format("that is {} numbers, and there are three: sockets, cores, threads", counts.size());
  u64 cpus = 1;
  for (const u64 count : counts) cpus = std::min<u64>(cpus * std::min<u64>(count, 1u << 20), u64{1} << 40);
  if (cpus > kMaxCpus) return fmt::format("that is {} CPUs, and there may be {}", cpus, kMaxCpus);
  const u64 sockets = counts.size() > 1 ? counts[0] : 1;
  const u64 cores = counts.size() > 1 ? counts[1] : counts[0];
  if (nodes > sockets)
    return fmt::format("{} NUMA nodes need as many sockets, and there {} {}", nodes,
                       sockets == 1 ? "is" : "are", sockets);
  if (cache && *cache > cores)
    return fmt::format("{} cores cannot share a cache in a socket of {}", *cache, cores);
  return "it cannot be read";
}

} // namespace

std::string shape_fault(std::string_view text) {
  return fmt::format(
      "\"{}\": {}. A shape is SOCKETSxCORESxTHREADS, as 2x4x2 or 2x4; before it nN: for N NUMA "
      "nodes, as n2:2x4; after it /K for a cache (arm64: cluster) of K cores each, as 1x8/4",
      text, fault_of(text));
}

} // namespace runnel::qemu
