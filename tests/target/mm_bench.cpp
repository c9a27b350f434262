// SPDX-License-Identifier: Apache-2.0
// What an allocation and its free cost together, in guest nanoseconds (deterministic mode: instructions).
#include "kernel/log/log.hpp"
#include "kernel/mm/kmalloc.hpp"
#include "kernel/mm/page_alloc.hpp"
#include "kernel/mm/vmap.hpp"
#include "kernel/test/test.hpp"
#include "kernel/time/clock.hpp"

namespace runnel {
namespace {

constexpr u32 kRounds = 1000;

template <typename Once> void measure(const char* name, Once once) {
  once(); // fills the caches
  const Instant start = time::now();
  for (u32 i = 0; i < kRounds; ++i) once();
  raw_print("# bench {} {} instructions", name, static_cast<u64>((time::now() - start).ns) / kRounds);
}

RUNNEL_TEST(bench, memory, .limit = 10_s, .select = test::Select::kOnlyByName)
{
  u32 failures = 0;
  measure("kmalloc_kfree_64", [&] {
    void* object = kmalloc(64);
    if (object == nullptr) ++failures;
    kfree(object);
  });
  measure("kmalloc_kfree_2048", [&] {
    void* object = kmalloc(2048);
    if (object == nullptr) ++failures;
    kfree(object);
  });
  for (const auto& [name, order] :
       {std::pair{"page_alloc_free_order0", 0u}, std::pair{"page_alloc_free_order4", 4u}})
    measure(name, [&] {
      const auto block = alloc_pages(order);
      if (!block) return void(++failures);
      free_pages(*block, order);
    });
  measure("stack_alloc_free", [&] {
    const auto top = stack_alloc();
    if (!top) return void(++failures);
    stack_free(*top);
  });
  CHECK(failures == 0);
}

} // namespace
} // namespace runnel
