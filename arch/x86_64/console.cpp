// SPDX-License-Identifier: Apache-2.0
// 16550 UART at an I/O port.
#include "arch/x86_64/instructions.hpp"

#include <arch/console.hpp>
#include <arch/cpu.hpp>

namespace runnel::arch {
namespace {

constinit u16 port = 0x3f8;

constexpr u16 kData = 0;
constexpr u16 kInterruptEnable = 1;
constexpr u16 kFifoControl = 2;
constexpr u16 kLineControl = 3;
constexpr u16 kModemControl = 4;
constexpr u16 kLineStatus = 5;

u16 at(u16 reg) { return static_cast<u16>(port + reg); }

/// Lets what was written before (by a boot loader, on this port) go out first: setting the FIFOs up empties
/// them.
void drain() {
  constexpr u32 kMostReads = 100'000;
  for (u32 i = 0; i < kMostReads && (in8(at(kLineStatus)) & 0x40) == 0; ++i) Cpu::relax();
}

void setup() {
  drain();
  out8(at(kInterruptEnable), 0);
  out8(at(kLineControl), 0x80); // divisor latch
  out8(at(kData), 1);           // 115200 baud
  out8(at(kInterruptEnable), 0);
  out8(at(kLineControl), 0x03);  // 8 bits, no parity, one stop bit
  out8(at(kFifoControl), 0x05);  // FIFOs on, nothing to be sent; what the host has sent already is kept
  out8(at(kModemControl), 0x0b); // DTR, RTS, and OUT2, which gates the interrupt
}

} // namespace

void console_init_early() { setup(); }

void console_init(const MachineInfo& machine) {
  if (machine.uart != UartKind::k16550Port || machine.uart_base == 0 || machine.uart_base == port) return;
  port = static_cast<u16>(machine.uart_base);
  setup();
}

void console_put(char c) {
  while ((in8(at(kLineStatus)) & 0x20) == 0) Cpu::relax();
  out8(at(kData), static_cast<u8>(c));
}

std::optional<char> console_get() {
  if ((in8(at(kLineStatus)) & 0x01) == 0) return std::nullopt;
  return static_cast<char>(in8(at(kData)));
}

void console_enable_receive_interrupt() { out8(at(kInterruptEnable), 0x01); }

} // namespace runnel::arch
