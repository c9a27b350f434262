// SPDX-License-Identifier: Apache-2.0
// Numbers of the ioctl commands that are known.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::fs::ioctls {

enum : u32 {
  kTcGets = 0x5401,
  kTcSetS = 0x5402,
  kTcSetSW = 0x5403,
  kTcSetSF = 0x5404,
  kTiocsCtty = 0x540e,
  kTiocgPgrp = 0x540f,
  kTiocsPgrp = 0x5410,
  kTiocgWinSize = 0x5413,
  kFionRead = 0x541b,
  kFionBio = 0x5421,
  kFionClex = 0x5450,
  kFioClex = 0x5451,
};

} // namespace runnel::fs::ioctls
