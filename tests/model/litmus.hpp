// SPDX-License-Identifier: Apache-2.0
// Litmus programs: two or three threads of a few instructions, written as C++ functions that look like the
// kernel code they stand for. A thread's function is run once for each path through its branches; what it
// says is recorded as a straight line of events for the explorer (explore.hpp).
//
// Everything that orders carries a label. A mutant is the same program with one label weakened: a fence is
// gone, an acquire or release is plain, a read-modify-write is relaxed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace runnel::model {

using Labels = std::set<std::string>;
using Values = std::vector<int>; // of one thread: what each of its loads read, by event number

/// A value computed from constants and from what earlier loads of the same thread read.
struct Expr {
  std::function<int(const Values&)> value;
  std::set<unsigned> loads; // whose results it needs: a data, address or control dependency

  // NOLINTNEXTLINE(google-explicit-constructor): numbers are expressions
  Expr(int constant) : value([constant](const Values&) { return constant; }) {}
  explicit Expr(unsigned load) : value([load](const Values& v) { return v[load]; }), loads{load} {}
  Expr(std::function<int(const Values&)> fn, const Expr& a, const Expr& b)
      : value(std::move(fn)), loads(a.loads) {
    loads.insert(b.loads.begin(), b.loads.end());
  }
};

template <class Op> Expr combine(const Expr& a, const Expr& b, Op op) {
  return {[x = a.value, y = b.value, op](const Values& v) { return static_cast<int>(op(x(v), y(v))); }, a, b};
}
inline Expr operator==(const Expr& a, const Expr& b) { return combine(a, b, std::equal_to<>()); }
inline Expr operator!=(const Expr& a, const Expr& b) { return combine(a, b, std::not_equal_to<>()); }
inline Expr operator+(const Expr& a, const Expr& b) { return combine(a, b, std::plus<>()); }
inline Expr operator-(const Expr& a, const Expr& b) { return combine(a, b, std::minus<>()); }
inline Expr operator*(const Expr& a, const Expr& b) { return combine(a, b, std::multiplies<>()); }
inline Expr operator&(const Expr& a, const Expr& b) { return combine(a, b, std::bit_and<>()); }
inline Expr operator|(const Expr& a, const Expr& b) { return combine(a, b, std::bit_or<>()); }
inline Expr operator&&(const Expr& a, const Expr& b) { return combine(a, b, std::logical_and<>()); }
inline Expr operator||(const Expr& a, const Expr& b) { return combine(a, b, std::logical_or<>()); }
/// 0, and still a dependency: what litmus tests write as `eor r, r, r`.
inline Expr dependency(const Expr& a) { return a - a; }

/// One word of memory. `at(i)` is the i-th word after it: an address dependency when i comes from a load.
struct Location {
  Expr address;
  Location at(const Expr& index) const { return {address + index}; }
};

enum class Order {
  kPlain,
  kAcquirePc, // LDAPR: may be satisfied before an earlier store-release is visible
  kAcquire,   // LDAR; as a read-modify-write LDADDA, CASA
  kRelease,   // STLR; LDADDL, CASL
  kFull,      // read-modify-write only: LDADDAL, CASAL
};

enum class Fence { kFull, kRead, kWrite }; // DMB ISH, ISHLD, ISHST

enum class EventKind { kLoad, kStore, kFence, kBranch };

struct Event {
  EventKind kind;
  Order order = Order::kPlain;
  Fence fence = Fence::kFull;
  Expr address{0};
  Expr data{0};      // of a store; of a branch the condition
  bool taken = true; // of a branch: what the condition has to be on this path
  int partner = -1;  // of the store of a read-modify-write: its load
};

/// One way through a thread's function.
struct Path {
  std::vector<Event> events;
  std::map<std::string, Expr> observed;
};

/// What a thread's function speaks to.
class Thread {
 public:
  Thread(const Labels& weakened, Labels& labels, std::vector<bool> decisions)
      : weakened_(weakened), labels_(labels), decisions_(std::move(decisions)) {}

  Expr load(const Location& from, Order order = Order::kPlain, const std::string& label = {});
  void store(const Location& to, const Expr& value, Order order = Order::kPlain,
             const std::string& label = {});

  /// Read-modify-writes; each gives what was there before.
  Expr exchange(const Location& at, const Expr& value, Order order, const std::string& label = {});
  Expr fetch_add(const Location& at, const Expr& value, Order order, const std::string& label = {});
  Expr fetch_or(const Location& at, const Expr& value, Order order, const std::string& label = {});
  Expr fetch_and(const Location& at, const Expr& value, Order order, const std::string& label = {});
  /// True on the path where it stored. The other path only read.
  bool compare_exchange(const Location& at, const Expr& expected, const Expr& desired, Order order,
                        const std::string& label = {});

  void fence(Fence kind, const std::string& label = {});

  /// False in the mutant without it: for what is weakened in a way of its own.
  bool has(const std::string& label);

  /// The two ways an `if` can go: the function is run for each.
  bool branch(const Expr& condition);
  /// The end of a wait loop, or a path that is not of interest when false: only runs where it holds count.
  void require(const Expr& condition);
  /// `while (!satisfied(load(from)));` its last turn.
  Expr await(const Location& from, const std::function<Expr(const Expr&)>& satisfied,
             Order order = Order::kPlain, const std::string& label = {});

  /// Acquiring read-modify-write that found it free; store-release. No full barrier on aarch64.
  void lock(const Location& at, const std::string& label = {});
  void unlock(const Location& at, const std::string& label = {});

  /// Makes a value part of the outcome, under a name of its own.
  void observe(const std::string& name, const Expr& value);

  Path path;
  const std::vector<bool>& decisions() const { return decisions_; }

 private:
  Order strength(Order order, const std::string& label) { return has(label) ? order : Order::kPlain; }
  Expr add_load(const Location& from, Order order);
  void add_store(const Location& to, const Expr& value, Order order, int partner = -1);
  Expr modify(const Location& at, Order order, const std::function<Expr(const Expr&)>& next);

  const Labels& weakened_;
  Labels& labels_;
  std::vector<bool> decisions_;
  std::size_t next_decision_ = 0;
};

class Program {
 public:
  using Body = std::function<void(Thread&)>;

  /// `count` words with one initial value; the name stands for the (first) word's final value in the outcome.
  Location word(const std::string& name, int initial = 0, int count = 1);
  void thread(Body body) { bodies_.push_back(std::move(body)); }

  struct Words {
    std::vector<std::string> names; // "" for the second and later words of an array
    std::vector<int> initial;
  };
  const Words& words() const { return words_; }
  /// All paths of each thread.
  std::vector<std::vector<Path>> paths(const Labels& weakened) const;
  /// Everything that can be weakened.
  Labels labels() const;

 private:
  std::vector<std::vector<Path>> paths(const Labels& weakened, Labels& labels) const;
  Words words_;
  std::vector<Body> bodies_;
};

} // namespace runnel::model
