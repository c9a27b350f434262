// SPDX-License-Identifier: Apache-2.0
#include "tests/model/explore.hpp"

#include <unordered_set>

namespace runnel::model {
namespace {

constexpr int kInitialWrite = 0;
int write_id(std::size_t thread, std::size_t event) { return static_cast<int>(1 + thread * 64 + event); }

/// One thread at some moment.
struct Progress {
  std::uint64_t done = 0;
  Values values;            // of satisfied loads
  std::vector<int> sources; // which write a satisfied load read

  bool is_done(std::size_t event) const { return (done >> event & 1) != 0; }
  bool all_done(std::uint64_t events) const { return (events & ~done) == 0; }
};

struct State {
  std::vector<Progress> threads;
  std::vector<int> memory;
  std::vector<int> writer;

  std::string key() const {
    std::string k;
    const auto add = [&](int v) { // writes are numbered above 127
      k += static_cast<char>(v & 0xff);
      k += static_cast<char>(v >> 8);
    };
    for (const Progress& t : threads) {
      k.append(reinterpret_cast<const char*>(&t.done), sizeof t.done);
      for (std::size_t i = 0; i < t.values.size(); ++i)
        if (t.sources[i] >= 0) add(t.values[i]), add(t.sources[i]);
    }
    for (std::size_t i = 0; i < memory.size(); ++i) add(memory[i]), add(writer[i]);
    return k;
  }
};

/// The search over one combination of paths.
class Search {
 public:
  Search(const std::vector<const Path*>& paths, const Program::Words& words, Machine machine)
      : paths_(paths) {
    for (const Path* path : paths) {
      order_.push_back(local_order(path->events, machine));
      Progress& t = start_.threads.emplace_back();
      t.values.assign(path->events.size(), 0);
      t.sources.assign(path->events.size(), -1);
    }
    start_.memory = words.initial;
    start_.writer.assign(words.initial.size(), kInitialWrite);
  }

  void run(const std::function<void(const State&)>& finished) {
    reach(start_);
    while (!open_.empty()) {
      const State state = std::move(open_.back());
      open_.pop_back();
      bool complete = true;
      for (std::size_t t = 0; t < paths_.size(); ++t) {
        const auto& events = paths_[t]->events;
        for (std::size_t e = 0; e < events.size(); ++e) {
          if (state.threads[t].is_done(e)) continue;
          complete = false;
          if (!state.threads[t].all_done(order_[t][e])) continue;
          if (events[e].kind == EventKind::kLoad) try_load(state, t, e);
          if (events[e].kind == EventKind::kStore) try_store(state, t, e);
        }
      }
      if (complete) finished(state);
    }
  }
  std::size_t states() const { return seen_.size(); }

 private:
  bool address_known(const Progress& t, const Event& e) const {
    for (const unsigned load : e.address.loads)
      if (!t.is_done(load)) return false;
    return true;
  }
  bool data_known(const Progress& t, const Event& e) const {
    for (const unsigned load : e.data.loads)
      if (!t.is_done(load)) return false;
    return true;
  }

  /// Fences and branches cannot hurt anybody by happening early: no choice is lost by doing them at once.
  bool settle(State& state) const {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t t = 0; t < paths_.size(); ++t) {
        Progress& thread = state.threads[t];
        const auto& events = paths_[t]->events;
        for (std::size_t e = 0; e < events.size(); ++e) {
          const bool local = events[e].kind == EventKind::kFence || events[e].kind == EventKind::kBranch;
          if (!local || thread.is_done(e) || !thread.all_done(order_[t][e])) continue;
          if (events[e].kind == EventKind::kBranch &&
              (events[e].data.value(thread.values) != 0) != events[e].taken)
            return false; // this run takes another path
          thread.done |= std::uint64_t{1} << e;
          moved = true;
        }
      }
    }
    return true;
  }

  void reach(State state) {
    if (settle(state) && seen_.insert(state.key()).second) open_.push_back(std::move(state));
  }

  void try_load(const State& state, std::size_t t, std::size_t e) {
    const auto& events = paths_[t]->events;
    const Progress& thread = state.threads[t];
    const int address = events[e].address.value(thread.values);
    int value = state.memory.at(static_cast<std::size_t>(address));
    int source = state.writer[static_cast<std::size_t>(address)];
    // The latest earlier store to it, of those whose address is known.
    for (std::size_t s = e; s-- > 0;) {
      const Event& store = events[s];
      if (store.kind != EventKind::kStore || !address_known(thread, store) ||
          store.address.value(thread.values) != address)
        continue;
      if (thread.is_done(s)) break; // visible: memory has it, or something newer
      if (!data_known(thread, store)) return;
      // A read-modify-write hands its result to an acquire only once it is visible.
      if (store.partner >= 0 && events[e].order != Order::kPlain) return;
      value = store.data.value(thread.values);
      source = write_id(t, s);
      break;
    }
    // Coherence with later loads that were faster: nothing older than this one reads.
    for (std::size_t l = e + 1; l < events.size(); ++l) {
      if (events[l].kind != EventKind::kLoad || !thread.is_done(l)) continue;
      if (events[l].address.value(thread.values) != address || thread.sources[l] == source) continue;
      if (thread.sources[l] < write_id(t, e) || thread.sources[l] >= write_id(t, l)) return;
    }
    State next = state;
    next.threads[t].done |= std::uint64_t{1} << e;
    next.threads[t].values[e] = value;
    next.threads[t].sources[e] = source;
    reach(std::move(next));
  }

  void try_store(const State& state, std::size_t t, std::size_t e) {
    const auto& events = paths_[t]->events;
    const Progress& thread = state.threads[t];
    const auto address = static_cast<std::size_t>(events[e].address.value(thread.values));
    for (std::size_t i = 0; i < events.size(); ++i) {
      const bool access = events[i].kind == EventKind::kLoad || events[i].kind == EventKind::kStore;
      if (i == e || !access) continue;
      if (i < e) { // their addresses are known: local_order
        if (!thread.is_done(i) && events[i].address.value(thread.values) == static_cast<int>(address)) return;
      } else if (events[i].kind == EventKind::kLoad && thread.is_done(i) &&
                 events[i].address.value(thread.values) == static_cast<int>(address)) {
        // A later load that was faster has to have read this store, or a later one of this thread.
        if (thread.sources[i] < write_id(t, e) || thread.sources[i] >= write_id(t, i)) return;
      }
    }
    // Nobody else came between the two halves of a read-modify-write.
    if (events[e].partner >= 0 &&
        thread.sources[static_cast<std::size_t>(events[e].partner)] != state.writer.at(address))
      return;
    State next = state;
    next.memory.at(address) = events[e].data.value(thread.values);
    next.writer[address] = write_id(t, e);
    next.threads[t].done |= std::uint64_t{1} << e;
    reach(std::move(next));
  }

  const std::vector<const Path*>& paths_;
  std::vector<std::vector<std::uint64_t>> order_;
  State start_;
  std::vector<State> open_;
  std::unordered_set<std::string> seen_;
};

} // namespace

void for_each_combination(const std::vector<std::vector<Path>>& paths,
                          const std::function<void(const std::vector<const Path*>&)>& visit) {
  std::vector<std::size_t> choice(paths.size(), 0);
  for (;;) {
    std::vector<const Path*> chosen;
    for (std::size_t t = 0; t < paths.size(); ++t) chosen.push_back(&paths[t][choice[t]]);
    visit(chosen);
    std::size_t t = 0;
    while (t < paths.size() && ++choice[t] == paths[t].size()) choice[t++] = 0;
    if (t == paths.size()) return;
  }
}

std::shared_ptr<const Outcome::Names> outcome_names(const Program& program,
                                                    const std::vector<std::vector<Path>>& paths) {
  auto names = std::make_shared<Outcome::Names>();
  std::size_t number = 0;
  for (const std::string& word : program.words().names) {
    if (!word.empty()) names->emplace(word, number);
    ++number;
  }
  for (const auto& of_thread : paths)
    for (const Path& path : of_thread)
      for (const auto& [name, value] : path.observed)
        if (names->emplace(name, number).second) ++number;
  return names;
}

std::string Outcome::text() const {
  std::string out;
  for (const auto& [name, number] : *names_)
    if (values_[number] != kAbsent)
      out += (out.empty() ? "" : " ") + name + "=" + std::to_string(values_[number]);
  return out;
}

bool Result::any(const std::function<bool(const Outcome&)>& is) const {
  for (const Outcome& outcome : outcomes)
    if (is(outcome)) return true;
  return false;
}

std::string Result::text() const {
  std::string out;
  for (const Outcome& outcome : outcomes) out += outcome.text() + "\n";
  return out;
}

Result explore(const Program& program, Machine machine, const Labels& weakened) {
  const auto paths = program.paths(weakened);
  const auto names = outcome_names(program, paths);
  std::size_t width = program.words().names.size();
  for (const auto& [name, number] : *names) width = std::max(width, number + 1);
  Result result;
  for_each_combination(paths, [&](const std::vector<const Path*>& chosen) {
    Search search(chosen, program.words(), machine);
    search.run([&](const State& state) {
      std::vector<int> values(state.memory);
      values.resize(width, kAbsent);
      for (std::size_t t = 0; t < chosen.size(); ++t)
        for (const auto& [name, value] : chosen[t]->observed)
          values[names->at(name)] = value.value(state.threads[t].values);
      result.outcomes.emplace(names, std::move(values));
    });
    result.states += search.states();
  });
  return result;
}

} // namespace runnel::model
