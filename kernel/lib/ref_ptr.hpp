// SPDX-License-Identifier: Apache-2.0
// Objects that live as long as somebody refers to them: the count is in the object, RefPtr holds one
// reference.
#pragma once

#include "kernel/lib/types.hpp"

#include <atomic>
#include <type_traits>
#include <utility>

namespace runnel {

/// Base of counted objects; made with one reference, the maker's. From mm::knew() only.
class RefCounted {
 public:
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void get_ref() const { refs_.fetch_add(1, std::memory_order_relaxed); }
  /// A reference to an object that is reachable without one (a table under its lock); false: it is already
  /// dying.
  bool try_get_ref() const {
    u32 seen = refs_.load(std::memory_order_relaxed);
    while (seen != 0)
      if (refs_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return true;
    return false;
  }
  void put_ref() const {
    // Release: what this holder did is over before another one destroys; acquire: the destroyer sees all of
    // it.
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) const_cast<RefCounted*>(this)->last_put();
  }
  /// A hint: others come and go.
  u32 ref_count() const { return refs_.load(std::memory_order_relaxed); }

 protected:
  constexpr RefCounted() = default;
  virtual ~RefCounted() = default;
  /// The last reference went. Thread context unless the object says otherwise.
  virtual void last_put() { delete this; }

 private:
  mutable std::atomic<u32> refs_{1};
};

/// One reference to a T, or none.
template <typename T> class [[nodiscard]] RefPtr {
 public:
  constexpr RefPtr() = default;
  constexpr RefPtr(std::nullptr_t) {}
  /// Takes over the reference the caller has: a fresh object's.
  static RefPtr adopt(T* object) {
    RefPtr p;
    p.object_ = object;
    return p;
  }
  /// One more reference.
  explicit RefPtr(T& object) : object_(&object) { object.get_ref(); }
  RefPtr(const RefPtr& other) : object_(other.object_) {
    if (object_ != nullptr) object_->get_ref();
  }
  RefPtr(RefPtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <typename U>
    requires std::is_convertible_v<U*, T*>
  RefPtr(RefPtr<U> other) : object_(other.release()) {}
  RefPtr& operator=(RefPtr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~RefPtr() {
    if (object_ != nullptr) object_->put_ref();
  }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  bool operator==(const RefPtr& other) const { return object_ == other.object_; }
  /// The caller owns the reference from here.
  [[nodiscard]] T* release() { return std::exchange(object_, nullptr); }
  void reset() { *this = RefPtr(); }

 private:
  T* object_ = nullptr;
};

} // namespace runnel
