// SPDX-License-Identifier: Apache-2.0
// What an interrupt has interrupted.
#pragma once

namespace runnel::irq {

/// In an interrupt: this CPU was in user mode before it.
bool interrupted_user();

} // namespace runnel::irq
