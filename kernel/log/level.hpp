// SPDX-License-Identifier: Apache-2.0
// How much of the log the console shows.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::log {

/// What `log=` selects for the console. The ring in memory keeps everything.
enum class Level : u8 { kQuiet, kInfo, kDebug };

} // namespace runnel::log
