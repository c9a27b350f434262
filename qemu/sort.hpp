// SPDX-License-Identifier: Apache-2.0
// Stable sorting by a key. (libstdc++ 12's std::stable_sort warns about its own deprecated helper.)
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

namespace runnel::qemu {

/// Ascending by key(element); equal ones keep their order.
template <typename T, typename Key> void sort_by(std::vector<T>& list, Key key) {
  std::vector<std::size_t> order(list.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    const auto key_a = key(list[a]), key_b = key(list[b]);
    return key_a < key_b || (key_a == key_b && a < b);
  });
  std::vector<T> sorted;
  sorted.reserve(list.size());
  for (const std::size_t i : order) sorted.push_back(std::move(list[i]));
  list = std::move(sorted);
}

} // namespace runnel::qemu
