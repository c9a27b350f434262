// SPDX-License-Identifier: Apache-2.0
// The worst a guest can do to itself: a fault with no descriptor table to find a handler in. Only by name.
#include "kernel/test/test.hpp"

namespace runnel {

RUNNEL_TEST(demo, triple_fault, .arch = test::TestArch::kX86_64, .select = test::Select::kOnlyByName)
{
  struct [[gnu::packed]] {
    u16 limit = 0;
    u64 base = 0;
  } const nothing;
  asm volatile("lidt %0\n\tint3" ::"m"(nothing));
}

} // namespace runnel
