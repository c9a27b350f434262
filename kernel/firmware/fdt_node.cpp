// SPDX-License-Identifier: Apache-2.0
#include "kernel/firmware/fdt_node.hpp"

namespace runnel::firmware {
namespace {

std::string_view as_text(Cells value) { return {reinterpret_cast<const char*>(value.data()), value.size()}; }

std::string_view as_string(Cells value) {
  const std::string_view s = as_text(value);
  return s.substr(0, s.find('\0'));
}

u32 as_u32(Cells value) { return static_cast<u32>(fdt_take(value, 4)); }

} // namespace

bool FdtNode::is_compatible(std::string_view one) const {
  for (std::string_view rest = compatible; !rest.empty();) {
    const std::string_view first = rest.substr(0, rest.find('\0'));
    if (first == one) return true;
    rest.remove_prefix(std::min(first.size() + 1, rest.size()));
  }
  return false;
}

void FdtNode::take(const FdtToken& p) {
  if (p.name == "compatible") compatible = as_text(p.value);
  if (p.name == "device_type") device_type = as_string(p.value);
  if (p.name == "status") status = as_string(p.value);
  if (p.name == "method") method = as_string(p.value);
  if (p.name == "stdout-path") stdout_path = as_string(p.value);
  if (p.name == "reg") reg = p.value;
  if (p.name == "interrupts") interrupts = p.value;
  if (p.name == "distance-matrix") distances = p.value;
  if (p.name == "phandle") phandle = as_u32(p.value);
  if (p.name == "numa-node-id") numa_node = as_u32(p.value);
  if (p.name == "next-level-cache") next_cache = as_u32(p.value);
  if (p.name == "cpu") cpu_ref = as_u32(p.value);
  if (p.name == "#redistributor-regions") nr_redist_regions = as_u32(p.value);
  if (p.name == "#address-cells") address_cells = as_u32(p.value);
  if (p.name == "#size-cells") size_cells = as_u32(p.value);
}

std::optional<FdtRange> take_range(const FdtNode& parent, Cells& reg) {
  const u32 address = parent.address_cells;
  const u32 size = parent.size_cells;
  if (address == 0 || address > 2 || size > 2 || reg.size() < (address + size) * 4) return std::nullopt;
  FdtRange range;
  range.base = fdt_take(reg, address * 4);
  range.size = size == 0 ? 0 : fdt_take(reg, size * 4);
  return range;
}

} // namespace runnel::firmware
