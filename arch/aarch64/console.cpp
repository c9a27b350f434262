// SPDX-License-Identifier: Apache-2.0
// PL011 UART (Arm DDI 0183G), the FIFOs on.
#include "arch/aarch64/translation.hpp"

#include <arch/console.hpp>
#include <arch/cpu.hpp>
#include <arch/layout.hpp>
#include <arch/upcalls.hpp>

namespace runnel::arch {
namespace {

constexpr u64 kEarlyBase = 0x0900'0000; // QEMU's virt
constexpr u32 kData = 0x00, kFlags = 0x18, kLineControl = 0x2c, kControl = 0x30, kInterruptMask = 0x38,
              kInterruptClear = 0x44;
constexpr u32 kTransmitFull = 1u << 5, kReceiveEmpty = 1u << 4;
constexpr u32 kEightBits = 3u << 5, kFifoEnable = 1u << 4;
constexpr u32 kUartEnable = 1u << 0, kTransmitEnable = 1u << 8, kReceiveEnable = 1u << 9;
constexpr u32 kReceiveInterrupt = 1u << 4, kReceiveTimeout = 1u << 6;

constinit volatile u8* uart = nullptr;

u32 read(u32 offset) { return *reinterpret_cast<volatile u32*>(uart + offset); }
void write(u32 offset, u32 value) { *reinterpret_cast<volatile u32*>(uart + offset) = value; }

void setup() {
  write(kInterruptMask, 0);
  write(kControl, 0);
  write(kLineControl, kEightBits | kFifoEnable); // the speed stays as the firmware left it
  write(kControl, kUartEnable | kTransmitEnable | kReceiveEnable);
}

} // namespace

void console_init_early() {
  uart = static_cast<volatile u8*>(phys_to_virt({kEarlyBase}));
  setup();
}

void console_init(const MachineInfo& machine) {
  if (machine.uart != UartKind::kPl011) return;
  uart = static_cast<volatile u8*>(upcall::map_device({machine.uart_base}, kPageSize));
  setup();
}

void console_follow(const PageTable& table) {
  if (uart != nullptr && !table.query({reinterpret_cast<uptr>(uart)})) uart = nullptr;
}

void console_put(char c) {
  if (uart == nullptr) return;
  while ((read(kFlags) & kTransmitFull) != 0) Cpu::relax();
  write(kData, static_cast<u8>(c));
}

std::optional<char> console_get() {
  if (uart == nullptr || (read(kFlags) & kReceiveEmpty) != 0) return std::nullopt;
  return static_cast<char>(read(kData) & 0xff); // the upper bits are line errors
}

void console_enable_receive_interrupt() {
  if (uart == nullptr) return;
  write(kInterruptClear, 0x7ff);
  write(kInterruptMask, kReceiveInterrupt | kReceiveTimeout);
}

} // namespace runnel::arch
