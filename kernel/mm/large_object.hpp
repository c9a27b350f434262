// SPDX-License-Identifier: Apache-2.0
// kmalloc() objects larger than every size class: blocks of pages. kmalloc.cpp only.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel::mm {

/// nullptr when memory is out or `size` is larger than a block can be.
void* large_alloc(usize size);
/// False when `object` is not such an object. Debug images check the bytes behind it first.
bool large_free(void* object);

} // namespace runnel::mm
