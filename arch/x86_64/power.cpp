// SPDX-License-Identifier: Apache-2.0
// isa-debug-exit, else ACPI's soft off; reset; halt.
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/power_port.hpp"

#include <arch/power.hpp>

namespace runnel::arch {
namespace {

constexpr u16 kDebugExitPort = 0xf4; // as the host tool configures isa-debug-exit
constexpr u16 kResetControl = 0xcf9;
constexpr u16 kKeyboardCommand = 0x64;
// SLP_EN with SLP_TYP 0: the soft-off type of QEMU's chipsets, which otherwise only the tables' byte code
// would tell.
constexpr u16 kSoftOff = 1u << 13;

constinit u16 pm1a_control = 0;

} // namespace

void power_port_setup(const MachineInfo& machine) {
  pm1a_control = static_cast<u16>(machine.pm1a_control_port);
}

void exit(u32 code) {
  out32(kDebugExitPort, code);
  // Still here: there is no such device.
  if (pm1a_control != 0) out16(pm1a_control, kSoftOff);
  halt();
}

void reboot(const MachineInfo& machine) {
  if (machine.reset_port != 0) out8(static_cast<u16>(machine.reset_port), machine.reset_value);
  out8(kResetControl, 0x02);
  out8(kResetControl, 0x06);
  out8(kKeyboardCommand, 0xfe); // pulse the reset line
  halt();
}

void halt() {
  for (;;) asm volatile("cli\n\thlt");
}

} // namespace runnel::arch
