// SPDX-License-Identifier: Apache-2.0
// The order one thread's events have to keep whatever their addresses turn out to be.
#include "tests/model/explore.hpp"

#include <stdexcept>

namespace runnel::model {
namespace {

bool is_load(const Event& e) { return e.kind == EventKind::kLoad; }
bool is_store(const Event& e) { return e.kind == EventKind::kStore; }
bool is_access(const Event& e) { return is_load(e) || is_store(e); }
bool is_fence(const Event& e, Fence fence) { return e.kind == EventKind::kFence && e.fence == fence; }
bool acquires(const Event& e) {
  return is_load(e) && (e.order == Order::kAcquire || e.order == Order::kAcquirePc);
}
bool releases(const Event& e) {
  return is_store(e) && (e.order == Order::kRelease || e.order == Order::kFull);
}

/// Whether `a`, earlier in the program, has to be done before `b`; dependencies aside.
bool aarch64_keeps(const Event& a, const Event& b) {
  if (is_fence(b, Fence::kFull)) return is_access(a);
  if (is_fence(b, Fence::kRead)) return is_load(a);
  if (is_fence(b, Fence::kWrite)) return is_store(a);
  if (!is_access(b)) return false;
  if (is_fence(a, Fence::kFull) || is_fence(a, Fence::kRead)) return true;
  if (is_fence(a, Fence::kWrite)) return is_store(b);
  if (a.kind == EventKind::kBranch) return is_store(b);
  if (acquires(a) || releases(b)) return true;
  if (is_store(a) && a.order == Order::kFull) return true; // its load acquires besides
  return releases(a) && is_load(b) && b.order == Order::kAcquire;
}

bool x86_keeps(const Event& a, const Event& b) {
  if (is_fence(b, Fence::kFull)) return is_access(a);
  if (!is_access(b)) return false;
  if (is_fence(a, Fence::kFull)) return true;
  if (is_store(b)) return is_access(a) || a.kind == EventKind::kBranch;
  return is_load(a) || (is_store(a) && a.partner >= 0); // a locked instruction drains the store buffer
}

std::uint64_t bits(const std::set<unsigned>& loads) {
  std::uint64_t mask = 0;
  for (const unsigned load : loads) mask |= std::uint64_t{1} << load;
  return mask;
}

} // namespace

std::vector<std::uint64_t> local_order(const std::vector<Event>& events, Machine machine) {
  if (events.size() > 64) throw std::length_error("a thread of more than 64 events");
  std::vector<std::uint64_t> before(events.size());
  for (std::size_t j = 0; j < events.size(); ++j) {
    const Event& b = events[j];
    before[j] |= bits(b.address.loads) | bits(b.data.loads);
    if (b.partner >= 0) before[j] |= std::uint64_t{1} << b.partner;
    for (std::size_t i = 0; i < j; ++i) {
      const Event& a = events[i];
      if (is_store(b) && is_access(a)) before[j] |= bits(a.address.loads); // addr;po
      bool keeps = false;
      if (machine == Machine::kAarch64) keeps = aarch64_keeps(a, b);
      if (machine == Machine::kX86) keeps = x86_keeps(a, b);
      if (machine == Machine::kInOrder) keeps = true;
      // The load of a locked instruction waits for the stores before it.
      if (machine == Machine::kX86 && is_load(b) && is_store(a) && j + 1 < events.size() &&
          events[j + 1].partner == static_cast<int>(j))
        keeps = true;
      if (keeps) before[j] |= std::uint64_t{1} << i;
    }
  }
  return before;
}

} // namespace runnel::model
