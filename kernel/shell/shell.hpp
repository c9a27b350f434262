// SPDX-License-Identifier: Apache-2.0
// The interactive shell on the serial line.
#pragma once

#include "boot/boot_info.hpp"

namespace runnel::shell {

/// Reads and runs commands until `exit` or ^D. Thread context; returns how the run ended: kPassed, or kFailed
/// when the last `test` command had failures.
boot::ExitCode run_shell();

} // namespace runnel::shell
