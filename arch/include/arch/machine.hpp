// SPDX-License-Identifier: Apache-2.0
// The machine as ACPI or the device tree describe it, in one shape. Filled by kernel/firmware, read by
// everybody.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::arch {

/// One CPU the firmware lists as enabled. Index in MachineInfo::cpus is the CpuId; index 0 is the boot CPU.
struct CpuDescription {
  u64 hw_id = 0; // APIC id, or MPIDR affinity fields
  u32 acpi_uid = 0;
  u32 node = 0;      // NUMA node, counted from 0
  u32 package = 0;   // socket, counted from 0
  u32 cluster = 0;   // cores next to each other inside the package, counted from 0 over the machine
  u32 llc = 0;       // last-level-cache domain, counted from 0 over the machine
  u32 core = 0;      // counted from 0 over the machine: SMT siblings share it
  u32 thread = 0;    // within the core
  u64 gicr_base = 0; // aarch64: own redistributor where the table names one, else 0
};

struct IoApic {
  u64 base = 0;
  u32 gsi_base = 0;
  u32 id = 0;
};

struct IrqOverride { // ISA irq -> gsi
  u8 source = 0;
  u32 gsi = 0;
  bool active_low = false;
  bool level = false;
};

struct NodeMemory {
  u64 base = 0;
  u64 size = 0;
  u32 node = 0;
};

enum class PsciConduit : u8 { kNone, kHvc, kSmc };
enum class UartKind : u8 { kNone, k16550Port, kPl011 };

inline constexpr u32 kMaxIoApics = 4;
inline constexpr u32 kMaxOverrides = 16;
inline constexpr u32 kMaxNodes = 16;
inline constexpr u32 kMaxNodeMemory = 32;
inline constexpr u32 kMaxGicRedistRegions = 8;

struct MachineInfo {
  const char* described_by = ""; // "ACPI" or "device tree"
  u32 nr_cpus = 0;
  u32 nr_cpus_ignored = 0; // enabled, but beyond kMaxCpus
  CpuDescription cpus[kMaxCpus] = {};
  u32 nr_nodes = 1;
  u8 node_distance[kMaxNodes][kMaxNodes] = {}; // SLIT / distance-map; 10 = local; 0 = not told
  u32 nr_node_memory = 0;
  NodeMemory node_memory[kMaxNodeMemory] = {};

  // x86_64
  u64 local_apic_base = 0xfee00000;
  u32 nr_ioapics = 0;
  IoApic ioapics[kMaxIoApics] = {};
  u32 nr_overrides = 0;
  IrqOverride overrides[kMaxOverrides] = {};
  u64 hpet_base = 0;     // 0: none
  u32 pm_timer_port = 0; // 0: none
  u32 pm1a_control_port = 0;
  u32 reset_port = 0; // FADT reset register in I/O space; 0: none
  u8 reset_value = 0;

  // aarch64
  u64 gicd_base = 0;
  u32 nr_gicr_regions = 0;
  struct {
    u64 base, size;
  } gicr_regions[kMaxGicRedistRegions] = {};
  u32 virtual_timer_intid = 27; // INTID (PPI n is 16 + n)
  u32 physical_timer_intid = 30;
  PsciConduit psci = PsciConduit::kNone;

  UartKind uart = UartKind::kNone;
  u64 uart_base = 0; // port number or physical address
  u32 uart_irq = 0;  // as irq_enable_line takes it
};

} // namespace runnel::arch
