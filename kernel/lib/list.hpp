// SPDX-License-Identifier: Apache-2.0
// Intrusive doubly linked list: an object is linked through a ListNode member, no allocation, O(1) removal.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel {

struct ListNode {
  ListNode* prev = nullptr;
  ListNode* next = nullptr;
  bool is_linked() const { return next != nullptr; }
};

/// List of T linked through `Node`. Not locked. The list must not move while it has members.
template <typename T, ListNode T::* Node> class List {
 public:
  constexpr List() = default;
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  bool empty() const { return head_.next == nullptr || head_.next == &head_; }
  T* front() { return empty() ? nullptr : owner(head_.next); }
  T* back() { return empty() ? nullptr : owner(head_.prev); }
  void push_back(T& item) { insert(head().prev, &(item.*Node)); }
  void push_front(T& item) { insert(&head(), &(item.*Node)); }
  /// Links `item` directly before `position`, which is in this list.
  void insert_before(T& position, T& item) { insert((position.*Node).prev, &(item.*Node)); }
  T* pop_front() {
    T* item = front();
    if (item != nullptr) erase(*item);
    return item;
  }
  static void erase(T& item) {
    ListNode& node = item.*Node;
    node.prev->next = node.next;
    node.next->prev = node.prev;
    node.prev = node.next = nullptr;
  }

  class Iterator {
   public:
    Iterator(ListNode* node) : node_(node) {}
    T& operator*() const { return *owner(node_); }
    Iterator& operator++() { return node_ = node_->next, *this; }
    bool operator!=(const Iterator& o) const { return node_ != o.node_; }

   private:
    ListNode* node_;
  };
  Iterator begin() { return Iterator{head().next}; }
  Iterator end() { return Iterator{&head()}; }

 private:
  // The empty head is all zeroes so that a list needs no code to be initialised; it links to itself on first
  // use.
  ListNode& head() {
    if (head_.next == nullptr) head_.next = head_.prev = &head_;
    return head_;
  }
  static void insert(ListNode* after, ListNode* node) {
    node->prev = after;
    node->next = after->next;
    after->next->prev = node;
    after->next = node;
  }
  static T* owner(ListNode* node) {
    const auto offset = reinterpret_cast<uptr>(&(reinterpret_cast<T*>(uptr{4096})->*Node)) - uptr{4096};
    return reinterpret_cast<T*>(reinterpret_cast<uptr>(node) - offset);
  }

  ListNode head_;
};

} // namespace runnel
