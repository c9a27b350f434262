// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernel/lib/types.hpp"

#include <arch/layout.hpp>

namespace runnel::arch {

inline void clear_page(void* page) {
  u64 words = kPageSize / sizeof(u64);
  asm volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(u64{0}) : "memory");
}

inline void copy_page(void* to, const void* from) {
  u64 words = kPageSize / sizeof(u64);
  asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
}

} // namespace runnel::arch
