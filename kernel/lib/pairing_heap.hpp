// SPDX-License-Identifier: Apache-2.0
// Intrusive pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): O(1) insert, O(log n) amortised removal
// of the least or of any member, no allocation. Orders timers.
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel {

struct HeapNode {
  HeapNode* child = nullptr;
  HeapNode* next = nullptr; // sibling
  HeapNode* prev = nullptr; // left sibling, or the parent when first child
};

/// T derives from HeapNode; `Less(a, b)` is a strict total order, so that equal keys never swap between runs.
template <typename T, bool (*Less)(const T&, const T&)> class PairingHeap {
 public:
  T* top() const { return static_cast<T*>(root_); }
  bool empty() const { return root_ == nullptr; }

  void insert(T& item) {
    item.child = item.next = item.prev = nullptr;
    root_ = root_ == nullptr ? &item : meld(root_, &item);
  }

  void erase(T& item) {
    HeapNode* node = &item;
    if (node == root_) {
      root_ = merge_pairs(node->child);
    } else {
      if (node->prev->child == node)
        node->prev->child = node->next;
      else
        node->prev->next = node->next;
      if (node->next != nullptr) node->next->prev = node->prev;
      if (HeapNode* rest = merge_pairs(node->child)) root_ = meld(root_, rest);
    }
    node->child = node->next = node->prev = nullptr;
  }

 private:
  static HeapNode* meld(HeapNode* a, HeapNode* b) {
    if (Less(*static_cast<T*>(b), *static_cast<T*>(a))) {
      HeapNode* t = a;
      a = b;
      b = t;
    }
    b->prev = a;
    b->next = a->child;
    if (b->next != nullptr) b->next->prev = b;
    a->child = b;
    a->next = a->prev = nullptr;
    return a;
  }

  // Two passes: pair neighbours left to right, then fold the pairs right to left. Iterative: no stack to
  // overflow.
  static HeapNode* merge_pairs(HeapNode* first) {
    HeapNode* pairs = nullptr; // linked through `next`, last pair first
    while (first != nullptr) {
      HeapNode* a = first;
      HeapNode* b = a->next;
      first = b != nullptr ? b->next : nullptr;
      a->next = a->prev = nullptr;
      if (b != nullptr) {
        b->next = b->prev = nullptr;
        a = meld(a, b);
      }
      a->next = pairs;
      pairs = a;
    }
    HeapNode* root = nullptr;
    while (pairs != nullptr) {
      HeapNode* next = pairs->next;
      pairs->next = nullptr;
      root = root == nullptr ? pairs : meld(root, pairs);
      pairs = next;
    }
    return root;
  }

  HeapNode* root_ = nullptr;
};

} // namespace runnel
