// SPDX-License-Identifier: Apache-2.0
// All guards of kernel/sync in one include.
#pragma once

#include "kernel/sync/preempt.hpp"
#include "kernel/sync/spinlock.hpp"
