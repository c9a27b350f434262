// SPDX-License-Identifier: Apache-2.0
// The one owner of a kmalloc()ed object.
#pragma once

#include "kernel/mm/kmalloc.hpp"

namespace runnel {

template <typename T> class [[nodiscard]] UniquePtr {
 public:
  constexpr UniquePtr() = default;
  constexpr explicit UniquePtr(T* object) : object_(object) {} // from knew()
  UniquePtr(UniquePtr&& other) noexcept : object_(other.release()) {}
  UniquePtr& operator=(UniquePtr&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniquePtr(const UniquePtr&) = delete;
  UniquePtr& operator=(const UniquePtr&) = delete;
  ~UniquePtr() { mm::kdelete(object_); }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  /// The caller owns the object from here.
  [[nodiscard]] T* release() { return std::exchange(object_, nullptr); }
  void reset(T* object = nullptr) { mm::kdelete(std::exchange(object_, object)); }

 private:
  T* object_ = nullptr;
};

/// Empty when memory is out.
template <typename T, typename... Args> UniquePtr<T> make_unique(Args&&... args) {
  return UniquePtr<T>(mm::knew<T>(std::forward<Args>(args)...));
}

} // namespace runnel
