// SPDX-License-Identifier: Apache-2.0
// Magazines in front of the slabs, and whole pages for what is larger.
#include "kernel/mm/kmalloc.hpp"

#include "kernel/mm/address.hpp"
#include "kernel/mm/corruption.hpp"
#include "kernel/mm/debug_object.hpp"
#include "kernel/mm/large_object.hpp"
#include "kernel/mm/slab.hpp"
#include "kernel/smp/percpu.hpp"

#include <algorithm>

namespace runnel::mm {
namespace {

// One CPU's stock of one class. Only its CPU changes it, with interrupts off; others read the counters.
struct Magazine {
  ObjectChain stock;
  std::atomic<i64> in_use{0}; // taken minus given back on this CPU
  std::atomic<u64> allocations{0};
};
struct Magazines {
  Magazine of_class[kNrSizeClasses];
};

constinit SlabCache slab_caches[kNrSizeClasses];
constinit PerCpu<Magazines> magazines;

// Larger objects, smaller stock: at most 8 KiB a class and CPU.
constexpr u32 high_water(u32 size_class) { return std::clamp<u32>(8192 / kSizeClasses[size_class], 4, 32); }
constexpr u32 batch(u32 size_class) { return high_water(size_class) / 2; }

template <typename T> void bump(std::atomic<T>& counter, T by) { // one writer: no read-modify-write needed
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

void* take_object(u32 size_class) {
  const IrqGuard irqs_off;
  Magazine& magazine = magazines.local().of_class[size_class];
  if (magazine.stock.count == 0) {
    magazine.stock = slab_caches[size_class].take(size_class, batch(size_class));
    if (magazine.stock.count == 0) return nullptr;
  }
  void* object = magazine.stock.head;
  magazine.stock.head = free_link(object);
  --magazine.stock.count;
  bump(magazine.in_use, i64{1});
  bump(magazine.allocations, u64{1});
  return object;
}

void give_objects(Magazine& magazine, u32 size_class, u32 count) {
  ObjectChain chain{.head = magazine.stock.head, .count = count};
  for (u32 i = 0; i < count; ++i) magazine.stock.head = free_link(magazine.stock.head);
  magazine.stock.count -= count;
  slab_caches[size_class].give(chain);
}

void give_object(u32 size_class, void* object) {
  const IrqGuard irqs_off;
  Magazine& magazine = magazines.local().of_class[size_class];
  free_link(object) = magazine.stock.head;
  magazine.stock.head = object;
  ++magazine.stock.count;
  bump(magazine.in_use, i64{-1});
  if (magazine.stock.count > high_water(size_class)) give_objects(magazine, size_class, batch(size_class));
}

void* allocate(usize size, uptr caller) {
  if (size > kMaxClassSize) return large_alloc(size);
  const u32 size_class = size_class_of(size);
  void* object = take_object(size_class);
  // A damaged object was reported and stays out of circulation; under a test's hook the next one will do.
  while (object != nullptr && !object_take(object, size_class, size, caller))
    object = take_object(size_class);
  return object;
}

} // namespace

void* kmalloc(usize size) { return allocate(size, reinterpret_cast<uptr>(__builtin_return_address(0))); }

void* kzalloc(usize size) {
  void* object = allocate(size, reinterpret_cast<uptr>(__builtin_return_address(0)));
  if (object != nullptr) std::fill_n(static_cast<u8*>(object), size, u8{0});
  return object;
}

void kfree(void* object) {
  if (object == nullptr) return;
  const uptr caller = reinterpret_cast<uptr>(__builtin_return_address(0));
  if (const Slab* slab = find_slab(object)) {
    if (object_give(object, slab->size_class, caller)) give_object(slab->size_class, object);
  } else if (!large_free(object)) {
    report_corruption(
        {.what = "kfree of an address that kmalloc did not return", .address = object, .freed_by = caller});
  }
}

ClassStats class_stats(u32 size_class) {
  ClassStats stats;
  for (u32 cpu = 0; cpu < kMaxCpus; ++cpu) {
    const Magazine& magazine = magazines.on(CpuId{cpu}).of_class[size_class];
    stats.in_use += magazine.in_use.load(std::memory_order_relaxed);
    stats.allocations += magazine.allocations.load(std::memory_order_relaxed);
    stats.in_magazines += __atomic_load_n(&magazine.stock.count, __ATOMIC_RELAXED);
  }
  return stats;
}

void kmalloc_drain_local() {
  for (u32 size_class = 0; size_class < kNrSizeClasses; ++size_class) {
    {
      const IrqGuard irqs_off;
      Magazine& magazine = magazines.local().of_class[size_class];
      give_objects(magazine, size_class, magazine.stock.count);
    }
    slab_caches[size_class].shrink();
  }
}

} // namespace runnel::mm

// For objects whose destructor is virtual: the compiler emits a deleting destructor that names these.
void operator delete(void* object) noexcept { runnel::mm::kfree(object); }
void operator delete(void* object, runnel::usize) noexcept { runnel::mm::kfree(object); }
