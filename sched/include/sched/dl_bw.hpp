// SPDX-License-Identifier: Apache-2.0
// Admitted deadline bandwidth of a root domain (spec 5.5). Owned by sched/deadline.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::sched {

struct DlBw {};

} // namespace runnel::sched
