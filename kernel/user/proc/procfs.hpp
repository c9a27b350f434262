// SPDX-License-Identifier: Apache-2.0
// /proc: the processes, and text about the machine.
#pragma once

#include "kernel/fs/pseudo.hpp"

namespace runnel::user {

/// nullptr: no memory. One for each pid namespace, later.
fs::PseudoFs* create_procfs();

} // namespace runnel::user
