// SPDX-License-Identifier: Apache-2.0
// The devices a device tree names that the kernel drives: GICv3, generic timer, PSCI, PL011.
#pragma once

#include "kernel/firmware/fdt_node.hpp"

#include <arch/machine.hpp>

namespace runnel::firmware {

class FdtDevices {
 public:
  explicit FdtDevices(arch::MachineInfo& machine) : machine_(machine) {}

  /// An enabled node with all its properties.
  void look_at(const FdtNode& node, const FdtNode& parent);

  /// After the last node: of several UARTs the one that /chosen names, else the first.
  void finish();

 private:
  static constexpr u32 kMaxUarts = 4;
  struct Uart {
    std::string_view name;
    u64 base = 0;
    u32 irq = 0;
  };

  void add_gic(const FdtNode& node, const FdtNode& parent);
  void add_timer(const FdtNode& node);
  void add_psci(const FdtNode& node);
  void add_uart(const FdtNode& node, const FdtNode& parent);

  arch::MachineInfo& machine_;
  Uart uarts_[kMaxUarts];
  u32 nr_uarts_ = 0;
  std::string_view stdout_path_;
};

} // namespace runnel::firmware
