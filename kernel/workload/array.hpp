// SPDX-License-Identifier: Apache-2.0
// Arrays whose length is known only when a workload has been read.
#pragma once

#include "kernel/mm/kmalloc.hpp"

#include <memory>
#include <type_traits>

namespace runnel::workload {

/// `count` default-constructed elements, or nullptr: no memory, or count 0. Free with delete_array.
template <typename T> T* new_array(usize count) {
  static_assert(std::is_trivially_destructible_v<T>);
  if (count == 0) return nullptr;
  auto* const array = static_cast<T*>(kmalloc(count * sizeof(T)));
  if (array != nullptr) std::uninitialized_value_construct_n(array, count);
  return array;
}

template <typename T> void delete_array(T* array) {
  if (array != nullptr) kfree(array);
}

} // namespace runnel::workload
