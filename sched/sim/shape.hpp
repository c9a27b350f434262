// SPDX-License-Identifier: Apache-2.0
// Shape of a machine: how many CPUs and who shares what with whom.
#pragma once

#include "kernel/lib/types.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace runnel::sim {

/// sockets x cores x threads. CPUs are numbered thread innermost: the threads of core 0 of socket 0 first.
struct Shape {
  u32 sockets = 1;
  u32 cores = 1; // of a socket
  u32 threads = 1;
  u32 nodes = 1;         // NUMA nodes; the sockets are dealt to them in order
  u32 cores_per_llc = 0; // 0: one last-level cache a socket

  constexpr bool operator==(const Shape&) const = default;
  constexpr u32 cpus() const { return sockets * cores * threads; }
  constexpr u32 core_of(CpuId cpu) const { return cpu.value / threads; } // machine-wide number
  constexpr u32 socket_of(CpuId cpu) const { return cpu.value / (cores * threads); }
  constexpr u32 node_of(CpuId cpu) const { return socket_of(cpu) * nodes / sockets; }
  constexpr u32 llcs_per_socket() const {
    return cores_per_llc == 0 ? 1 : (cores + cores_per_llc - 1) / cores_per_llc;
  }
  constexpr u32 llc_of(CpuId cpu) const { // machine-wide number
    const u32 in_socket = cores_per_llc == 0 ? 0 : core_of(cpu) % cores / cores_per_llc;
    return socket_of(cpu) * llcs_per_socket() + in_socket;
  }
};

/// `2x4x2` = sockets x cores x threads, `4` = one socket of 4 cores; `n2:2x4x2` on two NUMA nodes; `1x16x2/4`
/// with a last-level cache for every 4 cores. Nothing for text that is no shape, or of 0 or more than
/// kMaxCpus CPUs.
std::optional<Shape> parse_shape(std::string_view text);
/// What parse_shape reads back.
std::string to_string(const Shape& shape);

} // namespace runnel::sim
