// SPDX-License-Identifier: Apache-2.0
// Joins kernel/fs, which knows no user mode, to user mode.
#pragma once

namespace runnel::user {

/// Fills in fs::seams. Once, before the first process.
void connect_files();

} // namespace runnel::user
