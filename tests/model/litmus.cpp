// SPDX-License-Identifier: Apache-2.0
#include "tests/model/litmus.hpp"

#include <stdexcept>

namespace runnel::model {

bool Thread::has(const std::string& label) {
  if (label.empty()) return true;
  labels_.insert(label);
  return !weakened_.contains(label);
}

Expr Thread::add_load(const Location& from, Order order) {
  const auto number = static_cast<unsigned>(path.events.size());
  path.events.push_back({.kind = EventKind::kLoad, .order = order, .address = from.address});
  return Expr(number);
}

void Thread::add_store(const Location& to, const Expr& value, Order order, int partner) {
  path.events.push_back(
      {.kind = EventKind::kStore, .order = order, .address = to.address, .data = value, .partner = partner});
}

Expr Thread::load(const Location& from, Order order, const std::string& label) {
  return add_load(from, strength(order, label));
}

void Thread::store(const Location& to, const Expr& value, Order order, const std::string& label) {
  add_store(to, value, strength(order, label));
}

Expr Thread::modify(const Location& at, Order order, const std::function<Expr(const Expr&)>& next) {
  const auto number = static_cast<int>(path.events.size());
  const bool acquires = order == Order::kAcquire || order == Order::kFull;
  const Expr old = add_load(at, acquires ? Order::kAcquire : Order::kPlain);
  const bool releases = order == Order::kRelease || order == Order::kFull;
  add_store(at, next(old),
            order == Order::kFull ? order
            : releases            ? Order::kRelease
                                  : Order::kPlain,
            number);
  return old;
}

Expr Thread::exchange(const Location& at, const Expr& value, Order order, const std::string& label) {
  return modify(at, strength(order, label), [&](const Expr&) { return value; });
}
Expr Thread::fetch_add(const Location& at, const Expr& value, Order order, const std::string& label) {
  return modify(at, strength(order, label), [&](const Expr& old) { return old + value; });
}
Expr Thread::fetch_or(const Location& at, const Expr& value, Order order, const std::string& label) {
  return modify(at, strength(order, label), [&](const Expr& old) { return old | value; });
}
Expr Thread::fetch_and(const Location& at, const Expr& value, Order order, const std::string& label) {
  return modify(at, strength(order, label), [&](const Expr& old) { return old & value; });
}

bool Thread::compare_exchange(const Location& at, const Expr& expected, const Expr& desired, Order order,
                              const std::string& label) {
  const Order strong = strength(order, label);
  // The instruction itself does not store when it fails; no branch is involved, but then a condition that
  // fails late could undo nothing anybody has seen either.
  const auto number = static_cast<unsigned>(path.events.size());
  const bool stored = next_decision_ < decisions_.size() ? decisions_[next_decision_] : true;
  if (stored)
    modify(at, strong, [&](const Expr&) { return desired; });
  else
    add_load(at, strong == Order::kFull || strong == Order::kAcquire ? Order::kAcquire : Order::kPlain);
  return branch(Expr(number) == expected);
}

void Thread::fence(Fence kind, const std::string& label) {
  if (has(label)) path.events.push_back({.kind = EventKind::kFence, .fence = kind});
}

bool Thread::branch(const Expr& condition) {
  if (next_decision_ == decisions_.size()) decisions_.push_back(true);
  const bool taken = decisions_[next_decision_++];
  path.events.push_back({.kind = EventKind::kBranch, .data = condition, .taken = taken});
  return taken;
}

void Thread::require(const Expr& condition) {
  path.events.push_back({.kind = EventKind::kBranch, .data = condition});
}

Expr Thread::await(const Location& from, const std::function<Expr(const Expr&)>& satisfied, Order order,
                   const std::string& label) {
  const Expr seen = load(from, order, label);
  require(satisfied(seen));
  return seen;
}

void Thread::lock(const Location& at, const std::string& label) {
  require(exchange(at, 1, Order::kAcquire, label) == 0);
}
void Thread::unlock(const Location& at, const std::string& label) { store(at, 0, Order::kRelease, label); }

void Thread::observe(const std::string& name, const Expr& value) {
  if (!path.observed.emplace(name, value).second) throw std::logic_error("observed twice: " + name);
}

Location Program::word(const std::string& name, int initial, int count) {
  const auto first = static_cast<int>(words_.names.size());
  for (int i = 0; i < count; ++i) {
    words_.names.push_back(i == 0 ? name : "");
    words_.initial.push_back(initial);
  }
  return {Expr(first)};
}

std::vector<std::vector<Path>> Program::paths(const Labels& weakened, Labels& labels) const {
  std::vector<std::vector<Path>> all;
  for (const Body& body : bodies_) {
    std::vector<Path>& of_thread = all.emplace_back();
    std::vector<bool> decisions;
    for (;;) {
      Thread thread(weakened, labels, decisions);
      body(thread);
      of_thread.push_back(std::move(thread.path));
      decisions = thread.decisions();
      // The next path: the last decision not yet tried the other way.
      while (!decisions.empty() && !decisions.back()) decisions.pop_back();
      if (decisions.empty()) break;
      decisions.back() = false;
    }
  }
  return all;
}

std::vector<std::vector<Path>> Program::paths(const Labels& weakened) const {
  Labels labels;
  return paths(weakened, labels);
}

Labels Program::labels() const {
  Labels labels;
  paths({}, labels);
  return labels;
}

} // namespace runnel::model
