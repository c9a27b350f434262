// SPDX-License-Identifier: Apache-2.0
// Middle values of repeated measurements.
#pragma once

#include <algorithm>
#include <vector>

namespace runnel::qemu {

/// The middle value; of an even number of them the lower one. 0 of none.
inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

} // namespace runnel::qemu
