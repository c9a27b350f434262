// SPDX-License-Identifier: Apache-2.0
// Intrusive red-black tree (Guibas, Sedgewick 1978), with the leftmost member cached and an optional summary
// of each subtree kept in its root (an augmented tree: Cormen et al., "Introduction to Algorithms", chapter
// 14).
#pragma once

#include "kernel/lib/types.hpp"

namespace runnel {

struct RbNode {
  RbNode* parent = nullptr;
  RbNode* left = nullptr;
  RbNode* right = nullptr;
  u8 red = 0;
  u8 linked = 0;
  bool is_linked() const { return linked != 0; }
};

/// The default: nothing is summarised.
struct NoAugment {
  template <typename T> static void update(T&, const T*, const T*) {}
};

/// Tree of T linked through `Node`, ordered by `Less` (a strict weak order; equal members stay in the order
/// of insertion). `Augment::update(item, left, right)` recomputes item's summary from itself and its
/// children's summaries (either may be null). Not locked.
template <typename T, RbNode T::* Node, bool (*Less)(const T&, const T&), typename Augment = NoAugment>
class RbTree {
 public:
  constexpr RbTree() = default;
  RbTree(const RbTree&) = delete;
  RbTree& operator=(const RbTree&) = delete;

  bool empty() const { return root_ == nullptr; }
  T* root() const { return owner(root_); }
  T* first() const { return owner(leftmost_); }
  T* last() const {
    RbNode* n = root_;
    while (n != nullptr && n->right != nullptr) n = n->right;
    return owner(n);
  }
  static T* left(const T& item) { return owner((item.*Node).left); }
  static T* right(const T& item) { return owner((item.*Node).right); }
  /// The next member in order; nullptr after the last.
  static T* next(const T& item) {
    const RbNode* n = &(item.*Node);
    if (n->right != nullptr) {
      n = n->right;
      while (n->left != nullptr) n = n->left;
      return owner(const_cast<RbNode*>(n));
    }
    while (n->parent != nullptr && n == n->parent->right) n = n->parent;
    return owner(n->parent);
  }

  void insert(T& item) {
    RbNode* node = &(item.*Node);
    RbNode* parent = nullptr;
    RbNode** link = &root_;
    bool is_leftmost = true;
    while (*link != nullptr) {
      parent = *link;
      if (Less(item, *owner(parent))) {
        link = &parent->left;
      } else {
        link = &parent->right;
        is_leftmost = false;
      }
    }
    *node = {parent, nullptr, nullptr, 1, 1};
    *link = node;
    if (is_leftmost) leftmost_ = node;
    update_path(node);
    rebalance_after_insert(node);
  }

  void erase(T& item) {
    RbNode* node = &(item.*Node);
    if (leftmost_ == node) {
      T* after = next(item);
      leftmost_ = after != nullptr ? &(after->*Node) : nullptr;
    }
    RbNode* child;
    RbNode* parent; // of child, after the removal
    bool removed_black;
    if (node->left != nullptr && node->right != nullptr) {
      RbNode* heir = node->right; // the next in order takes node's place
      while (heir->left != nullptr) heir = heir->left;
      child = heir->right;
      removed_black = heir->red == 0;
      if (heir->parent == node) {
        parent = heir;
      } else {
        parent = heir->parent;
        parent->left = child;
        if (child != nullptr) child->parent = parent;
        heir->right = node->right;
        heir->right->parent = heir;
      }
      replace(node, heir);
      heir->left = node->left;
      heir->left->parent = heir;
      heir->red = node->red;
    } else {
      child = node->left != nullptr ? node->left : node->right;
      parent = node->parent;
      removed_black = node->red == 0;
      replace(node, child);
    }
    *node = {};
    if (parent != nullptr) update_path(parent);
    if (removed_black) rebalance_after_erase(child, parent);
  }

  /// `item`'s own part of the summary changed while it is in the tree (its order did not).
  void summary_changed(T& item) { update_path(&(item.*Node)); }

 private:
  static T* owner(RbNode* node) {
    if (node == nullptr) return nullptr;
    const auto offset = reinterpret_cast<uptr>(&(reinterpret_cast<T*>(uptr{4096})->*Node)) - uptr{4096};
    return reinterpret_cast<T*>(reinterpret_cast<uptr>(node) - offset);
  }
  static void update(RbNode* n) { Augment::update(*owner(n), owner(n->left), owner(n->right)); }
  static void update_path(RbNode* n) {
    for (; n != nullptr; n = n->parent) update(n);
  }
  static bool is_red(const RbNode* n) { return n != nullptr && n->red != 0; }

  /// `heir` (or nothing) takes the place of `node` under node's parent.
  void replace(RbNode* node, RbNode* heir) {
    if (node->parent == nullptr)
      root_ = heir;
    else if (node->parent->left == node)
      node->parent->left = heir;
    else
      node->parent->right = heir;
    if (heir != nullptr) heir->parent = node->parent;
  }

  void rotate_left(RbNode* n) {
    RbNode* up = n->right;
    n->right = up->left;
    if (n->right != nullptr) n->right->parent = n;
    replace(n, up);
    up->left = n;
    n->parent = up;
    update(n);
    update(up);
  }

  void rotate_right(RbNode* n) {
    RbNode* up = n->left;
    n->left = up->right;
    if (n->left != nullptr) n->left->parent = n;
    replace(n, up);
    up->right = n;
    n->parent = up;
    update(n);
    update(up);
  }

  void rebalance_after_insert(RbNode* n) {
    while (is_red(n->parent)) {
      RbNode* parent = n->parent;
      RbNode* grand = parent->parent; // exists: a red node is not the root
      const bool on_left = grand->left == parent;
      RbNode* uncle = on_left ? grand->right : grand->left;
      if (is_red(uncle)) {
        parent->red = uncle->red = 0;
        grand->red = 1;
        n = grand;
        continue;
      }
      if (on_left) {
        if (n == parent->right) {
          rotate_left(parent);
          parent = n;
        }
        parent->red = 0;
        grand->red = 1;
        rotate_right(grand);
      } else {
        if (n == parent->left) {
          rotate_right(parent);
          parent = n;
        }
        parent->red = 0;
        grand->red = 1;
        rotate_left(grand);
      }
      break;
    }
    root_->red = 0;
  }

  /// `n` (may be null) is one black short.
  void rebalance_after_erase(RbNode* n, RbNode* parent) {
    while (n != root_ && !is_red(n)) {
      if (n == parent->left) {
        RbNode* sibling = parent->right;
        if (is_red(sibling)) {
          sibling->red = 0;
          parent->red = 1;
          rotate_left(parent);
          sibling = parent->right;
        }
        if (!is_red(sibling->left) && !is_red(sibling->right)) {
          sibling->red = 1;
          n = parent;
          parent = n->parent;
          continue;
        }
        if (!is_red(sibling->right)) {
          sibling->left->red = 0;
          sibling->red = 1;
          rotate_right(sibling);
          sibling = parent->right;
        }
        sibling->red = parent->red;
        parent->red = 0;
        sibling->right->red = 0;
        rotate_left(parent);
      } else {
        RbNode* sibling = parent->left;
        if (is_red(sibling)) {
          sibling->red = 0;
          parent->red = 1;
          rotate_right(parent);
          sibling = parent->left;
        }
        if (!is_red(sibling->left) && !is_red(sibling->right)) {
          sibling->red = 1;
          n = parent;
          parent = n->parent;
          continue;
        }
        if (!is_red(sibling->left)) {
          sibling->right->red = 0;
          sibling->red = 1;
          rotate_left(sibling);
          sibling = parent->left;
        }
        sibling->red = parent->red;
        parent->red = 0;
        sibling->left->red = 0;
        rotate_right(parent);
      }
      n = root_;
    }
    if (n != nullptr) n->red = 0;
  }

  RbNode* root_ = nullptr;
  RbNode* leftmost_ = nullptr;
};

} // namespace runnel
