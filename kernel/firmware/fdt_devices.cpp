// SPDX-License-Identifier: Apache-2.0
// Bindings: arm,gic-v3, arm,arch_timer, arm,psci, arm,pl011 (devicetree.org). An interrupt is three cells:
// kind (0: SPI, 1: PPI), number within the kind, flags.
#include "kernel/firmware/fdt_devices.hpp"

namespace runnel::firmware {
namespace {

constexpr u32 kSpi = 0;
constexpr u32 kPpi = 1;
constexpr u32 kFirstPpi = 16; // INTID of PPI 0

struct Interrupt {
  u32 kind, number;
};

std::optional<Interrupt> take_interrupt(Cells& cells) {
  if (cells.size() < 12) return std::nullopt;
  const Interrupt irq{static_cast<u32>(fdt_take(cells, 4)), static_cast<u32>(fdt_take(cells, 4))};
  cells = cells.subspan(4);
  return irq;
}

} // namespace

void FdtDevices::look_at(const FdtNode& node, const FdtNode& parent) {
  if (node.is_compatible("arm,gic-v3")) add_gic(node, parent);
  if (node.is_compatible("arm,armv8-timer")) add_timer(node);
  if (node.is_compatible("arm,psci-1.0") || node.is_compatible("arm,psci-0.2")) add_psci(node);
  if (node.is_compatible("arm,pl011")) add_uart(node, parent);
  if (node.name == "chosen") stdout_path_ = node.stdout_path;
}

/// `reg`: the distributor, the redistributor regions, then views for old guests that are of no use here.
void FdtDevices::add_gic(const FdtNode& node, const FdtNode& parent) {
  Cells reg = node.reg;
  const std::optional<FdtRange> distributor = take_range(parent, reg);
  if (!distributor) return;
  machine_.gicd_base = distributor->base;
  machine_.nr_gicr_regions = 0;
  const u32 told = std::min(node.nr_redist_regions, arch::kMaxGicRedistRegions);
  while (machine_.nr_gicr_regions < told) {
    const std::optional<FdtRange> region = take_range(parent, reg);
    if (!region) return;
    machine_.gicr_regions[machine_.nr_gicr_regions].base = region->base;
    machine_.gicr_regions[machine_.nr_gicr_regions++].size = region->size;
  }
}

/// Secure physical, physical, virtual, hypervisor.
void FdtDevices::add_timer(const FdtNode& node) {
  Cells cells = node.interrupts;
  u32 intids[3] = {};
  for (u32& intid : intids) {
    const std::optional<Interrupt> irq = take_interrupt(cells);
    if (!irq || irq->kind != kPpi || irq->number >= 16) return;
    intid = kFirstPpi + irq->number;
  }
  machine_.physical_timer_intid = intids[1];
  machine_.virtual_timer_intid = intids[2];
}

void FdtDevices::add_psci(const FdtNode& node) {
  if (node.method == "hvc") machine_.psci = arch::PsciConduit::kHvc;
  if (node.method == "smc") machine_.psci = arch::PsciConduit::kSmc;
}

void FdtDevices::add_uart(const FdtNode& node, const FdtNode& parent) {
  Cells reg = node.reg;
  const std::optional<FdtRange> range = take_range(parent, reg);
  if (!range || nr_uarts_ == kMaxUarts) return;
  Cells cells = node.interrupts;
  const std::optional<Interrupt> irq = take_interrupt(cells);
  uarts_[nr_uarts_++] = {node.name, range->base, irq && irq->kind == kSpi ? irq->number : 0};
}

void FdtDevices::finish() {
  if (nr_uarts_ == 0) return;
  // "/pl011@9000000:115200": the last component, without the options.
  std::string_view wanted = stdout_path_.substr(0, stdout_path_.find(':'));
  if (const auto slash = wanted.rfind('/'); slash != std::string_view::npos) wanted.remove_prefix(slash + 1);
  const Uart* uart = uarts_;
  for (u32 i = nr_uarts_; i-- > 0;)
    if (uarts_[i].name == wanted) uart = &uarts_[i];
  machine_.uart = arch::UartKind::kPl011;
  machine_.uart_base = uart->base;
  machine_.uart_irq = uart->irq;
}

} // namespace runnel::firmware
