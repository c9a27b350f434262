// SPDX-License-Identifier: Apache-2.0
#include "boot/uefi/machine.hpp"

namespace runnel::uefi {

const Machine kMachine = Machine::kX86_64;
const char* const kMachineName = "x86_64";
const std::uint64_t kPageAttributes = 0;

namespace {

constexpr std::uint16_t kCom1 = 0x3f8;
constexpr std::uint16_t kLineStatus = kCom1 + 5;
constexpr std::uint8_t kTransmitEmpty = 0x20;
constexpr std::uint16_t kDebugExit = 0xf4; // -device isa-debug-exit,iobase=0xf4,iosize=4

} // namespace

void uart_put(char c) {
  for (unsigned tries = 0; tries < 100'000; ++tries) {
    std::uint8_t status;
    asm volatile("inb %1, %0" : "=a"(status) : "Nd"(kLineStatus));
    if ((status & kTransmitEmpty) != 0) break;
    asm volatile("pause");
  }
  asm volatile("outb %0, %1" : : "a"(c), "Nd"(kCom1));
}

void exit_emulator(boot::ExitCode code) {
  asm volatile("outl %0, %1" : : "a"(static_cast<std::uint32_t>(code)), "Nd"(kDebugExit));
}

void publish(std::uint64_t, std::uint64_t) {} // caches are coherent, and the jump serialises

void enter_kernel(std::uint64_t entry, const boot::BootInfo* info) {
  asm volatile("cli\n\tcld\n\tjmp *%0" : : "r"(entry), "D"(info) : "memory");
  __builtin_unreachable();
}

void halt() {
  for (;;) asm volatile("cli\n\thlt");
}

} // namespace runnel::uefi
