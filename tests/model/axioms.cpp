// SPDX-License-Identifier: Apache-2.0
#include "tests/model/axioms.hpp"

#include <algorithm>

namespace runnel::model {
namespace {

constexpr int kInit = -1;

/// An event of the whole candidate.
struct Node {
  std::size_t thread, number; // its place in the thread
  const Event* event;
  bool is(EventKind kind) const { return event->kind == kind; }
  bool load() const { return is(EventKind::kLoad); }
  bool store() const { return is(EventKind::kStore); }
  bool access() const { return load() || store(); }
  bool acquire() const {
    return load() && (event->order == Order::kAcquire || event->order == Order::kAcquirePc);
  }
  bool release() const {
    return store() && (event->order == Order::kRelease || event->order == Order::kFull);
  }
  bool fence(Fence kind) const { return is(EventKind::kFence) && event->fence == kind; }
};

/// A relation between at most 64 nodes: a row of bits for each.
class Relation {
 public:
  explicit Relation(std::size_t n = 0) : rows_(n) {}
  void add(std::size_t a, std::size_t b) { rows_[a] |= std::uint64_t{1} << b; }
  bool acyclic() const {
    std::vector<std::uint64_t> reach = rows_;
    for (std::size_t k = 0; k < reach.size(); ++k)
      for (std::size_t i = 0; i < reach.size(); ++i)
        if ((reach[i] >> k & 1) != 0) reach[i] |= reach[k];
    for (std::size_t i = 0; i < reach.size(); ++i)
      if ((reach[i] >> i & 1) != 0) return false;
    return true;
  }

 private:
  std::vector<std::uint64_t> rows_;
};

class Candidates {
 public:
  Candidates(const std::vector<const Path*>& paths, const Program::Words& words, const Outcome::Names& names,
             std::size_t width)
      : paths_(paths), words_(words), names_(names), width_(width) {
    for (std::size_t t = 0; t < paths.size(); ++t)
      for (std::size_t e = 0; e < paths[t]->events.size(); ++e)
        nodes_.push_back({t, e, &paths[t]->events[e]});
    rf_.assign(nodes_.size(), kInit);
  }

  std::vector<std::vector<int>> allowed() {
    choose_rf(0);
    return std::move(found_);
  }

 private:
  std::size_t node(std::size_t thread, std::size_t number) const {
    std::size_t n = number;
    for (std::size_t t = 0; t < thread; ++t) n += paths_[t]->events.size();
    return n;
  }

  /// Not so when it is no store, one of its own future, or certainly of another word.
  static bool may_read(const Node& load, const Node& store) {
    if (!store.store()) return false;
    if (store.thread == load.thread && store.number > load.number) return false; // internal
    const Expr &a = load.event->address, &b = store.event->address;
    return !a.loads.empty() || !b.loads.empty() || a.value({}) == b.value({});
  }

  void choose_rf(std::size_t n) {
    if (n == nodes_.size()) return with_rf();
    if (!nodes_[n].load()) return choose_rf(n + 1);
    for (int source = kInit; source < static_cast<int>(nodes_.size()); ++source) {
      if (source != kInit && !may_read(nodes_[n], nodes_[static_cast<std::size_t>(source)])) continue;
      rf_[n] = source;
      choose_rf(n + 1);
    }
  }

  /// Values and addresses that follow from rf; false when a value depends on itself or a branch goes
  /// elsewhere.
  bool evaluate() {
    values_.clear();
    for (const Path* path : paths_) values_.emplace_back(path->events.size(), 0);
    std::vector<bool> known(nodes_.size());
    const auto ready = [&](const Node& n, const Expr& expr) {
      return std::ranges::all_of(expr.loads, [&](unsigned load) { return known[node(n.thread, load)]; });
    };
    address_.assign(nodes_.size(), -1);
    data_.assign(nodes_.size(), 0);
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const Node& n = nodes_[i];
        if (known[i] || !ready(n, n.event->address) || !ready(n, n.event->data)) continue;
        address_[i] = n.event->address.value(values_[n.thread]);
        data_[i] = n.event->data.value(values_[n.thread]);
        if (n.is(EventKind::kBranch) && (data_[i] != 0) != n.event->taken) return false;
        if (n.load()) {
          if (rf_[i] != kInit && !known[static_cast<std::size_t>(rf_[i])]) continue;
          if (rf_[i] != kInit && address_[static_cast<std::size_t>(rf_[i])] != address_[i]) return false;
          values_[n.thread][n.number] = rf_[i] == kInit
                                            ? words_.initial[static_cast<std::size_t>(address_[i])]
                                            : data_[static_cast<std::size_t>(rf_[i])];
        }
        known[i] = moved = true;
      }
    }
    return std::ranges::all_of(known, [](bool k) { return k; });
  }

  void with_rf() {
    if (!evaluate()) return;
    co_.assign(words_.names.size(), {});
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i].store()) co_[static_cast<std::size_t>(address_[i])].push_back(i);
    local_ = Relation(nodes_.size());
    for (std::size_t a = 0; a < nodes_.size(); ++a)
      for (std::size_t b = a + 1; b < nodes_.size(); ++b)
        if (po(a, b) && nodes_[a].access() && nodes_[b].access() &&
            (barrier_ordered(a, b) || dependency_ordered(a, b)))
          local_.add(a, b);
    choose_co(0);
  }

  void choose_co(std::size_t word) {
    if (word == co_.size()) return with_co();
    std::ranges::sort(co_[word]);
    do choose_co(word + 1);
    while (std::next_permutation(co_[word].begin(), co_[word].end()));
  }

  /// Place in the order of its word's stores; the initial value is before all.
  int place(int store) const {
    if (store == kInit) return -1;
    const auto& order = co_[static_cast<std::size_t>(address_[static_cast<std::size_t>(store)])];
    return static_cast<int>(std::ranges::find(order, static_cast<std::size_t>(store)) - order.begin());
  }

  bool po(std::size_t a, std::size_t b) const {
    return nodes_[a].thread == nodes_[b].thread && nodes_[a].number < nodes_[b].number;
  }
  bool depends(std::size_t load, std::size_t b, const Expr& expr) const {
    return nodes_[load].thread == nodes_[b].thread &&
           expr.loads.contains(static_cast<unsigned>(nodes_[load].number));
  }
  bool reads(std::size_t store, std::size_t load) const { return rf_[load] == static_cast<int>(store); }

  bool barrier_ordered(std::size_t a, std::size_t b) const {
    const Node &x = nodes_[a], &y = nodes_[b];
    for (std::size_t f = a + 1; f < b; ++f) {
      if (!po(a, f) || !po(f, b)) continue;
      if (nodes_[f].fence(Fence::kFull)) return true;
      if (nodes_[f].fence(Fence::kRead) && x.load()) return true;
      if (nodes_[f].fence(Fence::kWrite) && x.store() && y.store()) return true;
    }
    return x.acquire() || y.release() || (x.store() && x.event->order == Order::kFull) ||
           (x.release() && y.load() && y.event->order == Order::kAcquire);
  }

  bool dependency_ordered(std::size_t a, std::size_t b) const {
    if (!nodes_[a].load()) return false;
    const Event& y = *nodes_[b].event;
    if (depends(a, b, y.address) || depends(a, b, y.data)) return true;
    for (std::size_t m = a + 1; m < nodes_.size(); ++m) {
      if (!po(a, m)) continue;
      const Event& between = *nodes_[m].event;
      // ctrl;[W] and addr;po;[W]
      if (po(m, b) && nodes_[b].store() && nodes_[m].is(EventKind::kBranch) && depends(a, m, between.data))
        return true;
      if (po(m, b) && nodes_[b].store() && nodes_[m].access() && depends(a, m, between.address)) return true;
      // (addr|data);rfi
      if (nodes_[m].store() && reads(m, b) && po(m, b) &&
          (depends(a, m, between.address) || depends(a, m, between.data)))
        return true;
    }
    return false;
  }

  void with_co() {
    Relation internal(nodes_.size()), external = local_;
    for (std::size_t a = 0; a < nodes_.size(); ++a) {
      for (std::size_t b = 0; b < nodes_.size(); ++b) {
        const Node &x = nodes_[a], &y = nodes_[b];
        if (a == b || !x.access() || !y.access()) continue;
        const bool same = address_[a] == address_[b], inside = x.thread == y.thread;
        const bool rf = x.store() && y.load() && reads(a, b);
        const bool co =
            x.store() && y.store() && same && place(static_cast<int>(a)) < place(static_cast<int>(b));
        const bool fr = x.load() && y.store() && same && place(rf_[a]) < place(static_cast<int>(b));
        if (rf || co || fr) {
          internal.add(a, b);
          if (!inside) external.add(a, b);
        }
        if (!po(a, b)) continue;
        if (same) internal.add(a, b);
        if (same && y.store()) external.add(a, b);
        if (y.store() && y.event->partner == static_cast<int>(x.number)) {
          external.add(a, b);
          for (std::size_t w = 0; w < nodes_.size(); ++w) // atomic
            if (nodes_[w].store() && nodes_[w].thread != x.thread && address_[w] == address_[b] &&
                place(rf_[a]) < place(static_cast<int>(w)) &&
                place(static_cast<int>(w)) < place(static_cast<int>(b)))
              return;
        }
        if (rf && x.event->partner >= 0 && y.acquire()) external.add(a, b);
      }
    }
    if (internal.acyclic() && external.acyclic()) record();
  }

  void record() {
    std::vector<int> values(words_.initial);
    values.resize(width_, kAbsent);
    for (std::size_t word = 0; word < co_.size(); ++word)
      if (!co_[word].empty()) values[word] = data_[co_[word].back()];
    for (std::size_t t = 0; t < paths_.size(); ++t)
      for (const auto& [name, value] : paths_[t]->observed) values[names_.at(name)] = value.value(values_[t]);
    found_.push_back(std::move(values));
  }

  const std::vector<const Path*>& paths_;
  const Program::Words& words_;
  const Outcome::Names& names_;
  std::size_t width_;
  std::vector<Node> nodes_;
  std::vector<int> rf_, address_, data_;
  Relation local_; // bob | dob: what does not depend on co
  std::vector<Values> values_;
  std::vector<std::vector<std::size_t>> co_;
  std::vector<std::vector<int>> found_;
};

} // namespace

std::set<Outcome> allowed_by_axioms(const Program& program) {
  const auto paths = program.paths({});
  const auto names = outcome_names(program, paths);
  std::size_t width = program.words().names.size();
  for (const auto& [name, number] : *names) width = std::max(width, number + 1);
  std::set<Outcome> outcomes;
  for_each_combination(paths, [&](const std::vector<const Path*>& chosen) {
    for (std::vector<int>& values : Candidates(chosen, program.words(), *names, width).allowed())
      outcomes.emplace(names, std::move(values));
  });
  return outcomes;
}

} // namespace runnel::model
