// SPDX-License-Identifier: Apache-2.0
// Bytes from the serial line, interrupt-driven.
#pragma once

#include "kernel/lib/errno.hpp"

namespace runnel::shell {

/// Takes over the console's receive interrupt. Once.
Result<> input_init();
/// The next byte; blocks. One reader.
char input_read();

} // namespace runnel::shell
