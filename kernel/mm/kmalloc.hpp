// SPDX-License-Identifier: Apache-2.0
// The kernel's object allocator. Sizes up to 2048 bytes come from size classes (size_class.hpp), through a
// magazine of the CPU; larger ones are whole pages. Callable from any thread, with interrupts on or off,
// holding no lock of rank kKmalloc or further in; not from interrupt handlers. Debug images poison freed
// objects and check both ends of each: see debug_object.hpp.
#pragma once

#include "kernel/mm/size_class.hpp"

#include <new>
#include <type_traits>
#include <utility>

namespace runnel::mm {

/// Largest kmalloc(): one block of the page allocator.
inline constexpr u64 kMaxKmalloc = kPageSize << kMaxOrder;

/// `size` bytes aligned to 16 (64 when the size, rounded up to its class, is a multiple of 64; a page when
/// larger than every class). Contents undefined. nullptr when memory is out or size > kMaxKmalloc. Never
/// nullptr for 0.
[[nodiscard]] void* kmalloc(usize size);
/// The same, all zero.
[[nodiscard]] void* kzalloc(usize size);
/// Gives back what kmalloc() returned, on any CPU; nullptr is ignored. Wrong pointers are reported as
/// corruption.
void kfree(void* object);

/// Constructs a T, or returns nullptr without constructing when memory is out.
template <typename T, typename... Args> [[nodiscard]] T* knew(Args&&... args) {
  static_assert(alignof(T) <= kPageSize);
  constexpr usize kSize = alignof(T) > 64   ? (sizeof(T) > kMaxClassSize ? sizeof(T) : kMaxClassSize + 1)
                          : alignof(T) > 16 ? align_up(sizeof(T), 64)
                                            : sizeof(T);
  static_assert(alignof(T) <= 16 || kSize > kMaxClassSize ||
                object_alignment(size_class_of(kSize <= kMaxClassSize ? kSize : 0)) >= alignof(T));
  void* memory = kmalloc(kSize);
  return memory == nullptr ? nullptr : new (memory) T(std::forward<Args>(args)...);
}

/// Destroys and frees; nullptr is ignored.
template <typename T> void kdelete(T* object) {
  if (object == nullptr) return;
  object->~T();
  kfree(const_cast<std::remove_cv_t<T>*>(object));
}

/// Objects in use and ever allocated of one size class; magazines' stock is not in use. Exact when nobody
/// allocates or frees meanwhile.
struct ClassStats {
  i64 in_use = 0;
  u64 allocations = 0;
  u64 in_magazines = 0;
};
ClassStats class_stats(u32 size_class);

/// Gives this CPU's magazines and all empty slabs back to the page allocator.
void kmalloc_drain_local();

} // namespace runnel::mm

namespace runnel {
using mm::kdelete;
using mm::kfree;
using mm::kmalloc;
using mm::knew;
using mm::kzalloc;
} // namespace runnel
