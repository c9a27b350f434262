// SPDX-License-Identifier: Apache-2.0
// The small tables: HPET (IA-PC HPET 1.0a, 3.2.4), FADT, GTDT (ACPI 6.4, 5.2.9 and 5.2.24), SPCR
// (Microsoft, 1.08).
#include "kernel/firmware/acpi_machine.hpp"

namespace runnel::firmware {
namespace {

/// Generic Address Structure: u8 space, u8 width, u8 offset, u8 access, u64 address.
constexpr u8 kSystemMemory = 0;
constexpr u8 kSystemIo = 1;

bool is_in(Bytes table, u64 gas, u8 space) {
  return read_or_zero<u8>(table, gas) == space && read_or_zero<u64>(table, gas + 4) != 0;
}

/// A port that has a 32-bit field, and since ACPI 2.0 an extended one that may be the only one filled in.
u32 port(Bytes fadt, u64 field, u64 extended) {
  if (const u32 legacy = read_or_zero<u32>(fadt, field); legacy != 0) return legacy;
  return is_in(fadt, extended, kSystemIo) ? static_cast<u32>(read_or_zero<u64>(fadt, extended + 4)) : 0;
}

} // namespace

void read_hpet(Bytes hpet, arch::MachineInfo& machine) {
  if (is_in(hpet, 40, kSystemMemory)) machine.hpet_base = read_or_zero<u64>(hpet, 44);
}

void read_fadt(Bytes fadt, arch::MachineInfo& machine) {
  constexpr u32 kResetSupported = 1u << 10;
  machine.pm1a_control_port = port(fadt, 64, 172);
  machine.pm_timer_port = port(fadt, 76, 208);
  const u32 flags = read_or_zero<u32>(fadt, 112);
  if ((flags & kResetSupported) != 0 && is_in(fadt, 116, kSystemIo)) {
    machine.reset_port = static_cast<u32>(read_or_zero<u64>(fadt, 120));
    machine.reset_value = read_or_zero<u8>(fadt, 128);
  }
  const u16 arm = read_or_zero<u16>(fadt, 129); // bit 0: PSCI, bit 1: by HVC
  if ((arm & 1) != 0) machine.psci = (arm & 2) != 0 ? arch::PsciConduit::kHvc : arch::PsciConduit::kSmc;
}

void read_gtdt(Bytes gtdt, arch::MachineInfo& machine) {
  if (const u32 physical = read_or_zero<u32>(gtdt, 56); physical != 0)
    machine.physical_timer_intid = physical;
  if (const u32 virtual_timer = read_or_zero<u32>(gtdt, 64); virtual_timer != 0)
    machine.virtual_timer_intid = virtual_timer;
}

void read_spcr(Bytes spcr, arch::MachineInfo& machine) {
  constexpr u8 k16550 = 0;
  constexpr u8 kPl011 = 3;
  constexpr u8 kSbsa = 14; // a PL011 subset
  constexpr u32 kFirstSpi = 32;
  const u8 type = read_or_zero<u8>(spcr, 36);
  if (type == k16550 && is_in(spcr, 40, kSystemIo)) {
    machine.uart = arch::UartKind::k16550Port;
    machine.uart_irq = read_or_zero<u8>(spcr, 53);
  } else if ((type == kPl011 || type == kSbsa) && is_in(spcr, 40, kSystemMemory)) {
    machine.uart = arch::UartKind::kPl011;
    const u32 gsiv = read_or_zero<u32>(spcr, 54);
    machine.uart_irq = gsiv >= kFirstSpi ? gsiv - kFirstSpi : 0;
  } else {
    return;
  }
  machine.uart_base = read_or_zero<u64>(spcr, 44);
}

void assume_com1(arch::MachineInfo& machine) {
  if (machine.uart != arch::UartKind::kNone || machine.nr_ioapics == 0) return;
  machine.uart = arch::UartKind::k16550Port;
  machine.uart_base = 0x3f8;
  machine.uart_irq = 4;
}

} // namespace runnel::firmware
