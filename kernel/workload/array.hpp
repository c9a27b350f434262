// SPDX-License-Identifier: Apache-2.0
// Objects and arrays from the ground's memory.
#pragma once

#include "kernel/workload/ground.hpp"

#include <memory>
#include <utility>

namespace runnel::workload {

/// nullptr when memory is out. End with delete_object.
template <typename T, typename... Args> [[nodiscard]] T* new_object(Args&&... args) {
  void* const memory = ground::allocate(sizeof(T));
  return memory == nullptr ? nullptr
                           : std::construct_at(static_cast<T*>(memory), std::forward<Args>(args)...);
}
template <typename T> void delete_object(T* object) {
  if (object == nullptr) return;
  std::destroy_at(object);
  ground::release(object);
}

/// As many default-constructed elements as it is told, once; all gone with it.
template <typename T> class Array {
 public:
  Array() = default;
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  ~Array() {
    std::destroy_n(items_, count_);
    if (items_ != nullptr) ground::release(items_);
  }

  /// False when memory is out.
  [[nodiscard]] bool allocate(usize count) {
    if (count == 0) return true;
    items_ = static_cast<T*>(ground::allocate(count * sizeof(T)));
    if (items_ == nullptr) return false;
    std::uninitialized_value_construct_n(items_, count);
    count_ = count;
    return true;
  }
  T& operator[](usize i) { return items_[i]; }
  usize size() const { return count_; }
  T* begin() { return items_; }
  T* end() { return items_ + count_; }

 private:
  T* items_ = nullptr;
  usize count_ = 0;
};

} // namespace runnel::workload
