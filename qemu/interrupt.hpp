// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM as something to poll: every wait of the tool includes interrupt_fd().
#pragma once

namespace runnel::qemu {

/// Catches SIGINT, SIGTERM and SIGHUP, ignores SIGPIPE. Once, before any thread is started.
void install_interrupt_handlers();
/// Readable (and never drained) from the first such signal on.
int interrupt_fd();
bool interrupted();
/// Throws Failure(kInterrupted) when interrupted.
void throw_if_interrupted();

} // namespace runnel::qemu
