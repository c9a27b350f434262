// SPDX-License-Identifier: Apache-2.0
// What is wrong with a machine's shape as a user wrote it.
#pragma once

#include <string>
#include <string_view>

namespace runnel::qemu {

/// One sentence about `text`, which sim::parse_shape has refused, and how a shape is written.
std::string shape_fault(std::string_view text);

} // namespace runnel::qemu
