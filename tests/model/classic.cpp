// SPDX-License-Identifier: Apache-2.0
// The explorer against the literature: what aarch64 and x86 are known to allow and to forbid. Names and
// verdicts are those of the diy/herd suites (J. Alglave, L. Maranget, M. Tautschnig, "Herding Cats", TOPLAS
// 2014; Pulte et al. 2018 for ARMv8). `a+b` says what stands between the two accesses of each thread.
#include "tests/model/explore.hpp"

#include <catch2/catch.hpp>

using namespace runnel::model;

namespace {

enum class Verdict { kForbidden, kAllowed };
constexpr Verdict kForbidden = Verdict::kForbidden, kAllowed = Verdict::kAllowed;

struct Shape {
  const char* name;
  Verdict aarch64, x86; // can the relaxed outcome be seen
  std::function<void(Program&)> build;
  std::function<bool(const Outcome&)> relaxed;
};

/// What may stand between two accesses of a thread; `first` is what the first one read.
using Between = std::function<void(Thread&)>;
void none(Thread&) {}
void full(Thread& t) { t.fence(Fence::kFull); }
void reads(Thread& t) { t.fence(Fence::kRead); }
void writes(Thread& t) { t.fence(Fence::kWrite); }

enum class Link { kPo, kFull, kRead, kWrite, kAddress, kData, kControl, kControlRead };

/// The index to add to the next address so that it depends as asked.
Expr link(Thread& t, Link how, const Expr& first) {
  if (how == Link::kFull) full(t);
  if (how == Link::kRead) reads(t);
  if (how == Link::kWrite) writes(t);
  if (how == Link::kControl || how == Link::kControlRead) t.require(first == 1);
  if (how == Link::kControlRead) reads(t);
  return how == Link::kAddress || how == Link::kData ? dependency(first) : Expr(0);
}

bool seen(const Outcome& o, std::initializer_list<std::pair<const char*, int>> wanted) {
  for (const auto& [name, value] : wanted)
    if (o[name] != value) return false;
  return true;
}

Shape store_buffering(const char* name, Verdict aarch64, Verdict x86, Order store, Order load,
                      const Between& between) {
  return {name, aarch64, x86,
          [=](Program& p) {
            const Location x = p.word("x"), y = p.word("y");
            p.thread([=](Thread& t) { t.store(x, 1, store), between(t), t.observe("a", t.load(y, load)); });
            p.thread([=](Thread& t) { t.store(y, 1, store), between(t), t.observe("b", t.load(x, load)); });
          },
          [](const Outcome& o) { return seen(o, {{"a", 0}, {"b", 0}}); }};
}

Shape message_passing(const char* name, Verdict aarch64, Verdict x86, const Between& writer, Link reader,
                      Order store = Order::kPlain, Order load = Order::kPlain) {
  return {name, aarch64, x86,
          [=](Program& p) {
            const Location x = p.word("x"), y = p.word("y");
            p.thread([=](Thread& t) { t.store(x, 1), writer(t), t.store(y, 1, store); });
            p.thread([=](Thread& t) {
              const Expr a = t.load(y, load);
              t.observe("a", a);
              t.observe("b", t.load(x.at(link(t, reader, a))));
            });
          },
          [](const Outcome& o) { return seen(o, {{"a", 1}, {"b", 0}}); }};
}

Shape load_buffering(const char* name, Verdict aarch64, Link left, Link right, Order load = Order::kPlain) {
  return {name, aarch64, kForbidden,
          [=](Program& p) {
            const Location x = p.word("x"), y = p.word("y");
            const auto body = [=](Location from, Location to, const char* what, Link how) {
              return [=](Thread& t) {
                const Expr a = t.load(from, load);
                t.observe(what, a);
                const Expr zero = link(t, how, a);
                if (how == Link::kData)
                  t.store(to, zero + 1);
                else
                  t.store(to.at(zero), 1);
              };
            };
            p.thread(body(x, y, "a", left));
            p.thread(body(y, x, "b", right));
          },
          [](const Outcome& o) { return seen(o, {{"a", 1}, {"b", 1}}); }};
}

Shape s_shape(const char* name, Verdict aarch64, const Between& writer, Link reader) {
  return {name, aarch64, kForbidden,
          [=](Program& p) {
            const Location x = p.word("x"), y = p.word("y");
            p.thread([=](Thread& t) { t.store(x, 2), writer(t), t.store(y, 1); });
            p.thread([=](Thread& t) {
              const Expr a = t.load(y);
              t.observe("a", a);
              const Expr zero = link(t, reader, a);
              t.store(x, zero + 1);
            });
          },
          [](const Outcome& o) { return seen(o, {{"a", 1}, {"x", 2}}); }};
}

Shape r_shape(const char* name, Verdict aarch64, Verdict x86, const Between& left, const Between& right) {
  return {name, aarch64, x86,
          [=](Program& p) {
            const Location x = p.word("x"), y = p.word("y");
            p.thread([=](Thread& t) { t.store(x, 1), left(t), t.store(y, 1); });
            p.thread([=](Thread& t) { t.store(y, 2), right(t), t.observe("a", t.load(x)); });
          },
          [](const Outcome& o) { return seen(o, {{"y", 2}, {"a", 0}}); }};
}

Shape two_plus_two(const char* name, Verdict aarch64, const Between& between) {
  return {name, aarch64, kForbidden,
          [=](Program& p) {
            const Location x = p.word("x"), y = p.word("y");
            p.thread([=](Thread& t) { t.store(x, 1), between(t), t.store(y, 2); });
            p.thread([=](Thread& t) { t.store(y, 1), between(t), t.store(x, 2); });
          },
          [](const Outcome& o) { return seen(o, {{"x", 1}, {"y", 1}}); }};
}

Shape write_to_read(const char* name, Verdict aarch64, Link middle, Link last) {
  return {name, aarch64, kForbidden,
          [=](Program& p) {
            const Location x = p.word("x"), y = p.word("y");
            p.thread([=](Thread& t) { t.store(x, 1); });
            p.thread([=](Thread& t) {
              const Expr a = t.load(x);
              t.observe("a", a);
              const Expr zero = link(t, middle, a);
              t.store(y, zero + 1);
            });
            p.thread([=](Thread& t) {
              const Expr b = t.load(y);
              t.observe("b", b);
              t.observe("c", t.load(x.at(link(t, last, b))));
            });
          },
          [](const Outcome& o) { return seen(o, {{"a", 1}, {"b", 1}, {"c", 0}}); }};
}

Shape independent_reads(const char* name, Verdict aarch64, Link how) {
  return {name, aarch64, kForbidden,
          [=](Program& p) {
            const Location x = p.word("x"), y = p.word("y");
            p.thread([=](Thread& t) { t.store(x, 1); });
            p.thread([=](Thread& t) { t.store(y, 1); });
            const auto reader = [=](Location first, Location second, const char* one, const char* two) {
              return [=](Thread& t) {
                const Expr a = t.load(first);
                t.observe(one, a);
                t.observe(two, t.load(second.at(link(t, how, a))));
              };
            };
            p.thread(reader(x, y, "a", "b"));
            p.thread(reader(y, x, "c", "d"));
          },
          [](const Outcome& o) { return seen(o, {{"a", 1}, {"b", 0}, {"c", 1}, {"d", 0}}); }};
}

void check(const Shape& shape) {
  INFO(shape.name);
  Program program;
  shape.build(program);
  const auto on = [&](Machine machine) { return explore(program, machine).any(shape.relaxed); };
  CHECK(on(Machine::kAarch64) == (shape.aarch64 == kAllowed));
  CHECK(on(Machine::kX86) == (shape.x86 == kAllowed));
  CHECK_FALSE(on(Machine::kInOrder));
}

} // namespace

TEST_CASE("model: two threads, two words: allowed and forbidden as published", "[model][litmus]") {
  constexpr Order plain = Order::kPlain;
  const Shape shapes[] = {
      store_buffering("SB", kAllowed, kAllowed, plain, plain, none),
      store_buffering("SB+dmb.sts", kAllowed, kAllowed, plain, plain, writes),
      store_buffering("SB+dmb.lds", kAllowed, kAllowed, plain, plain, reads),
      store_buffering("SB+dmbs", kForbidden, kForbidden, plain, plain, full),
      store_buffering("SB+stlr-ldar", kForbidden, kAllowed, Order::kRelease, Order::kAcquire, none),
      store_buffering("SB+stlr-ldapr", kAllowed, kAllowed, Order::kRelease, Order::kAcquirePc, none),
      message_passing("MP", kAllowed, kForbidden, none, Link::kPo),
      message_passing("MP+dmb+po", kAllowed, kForbidden, full, Link::kPo),
      message_passing("MP+po+addr", kAllowed, kForbidden, none, Link::kAddress),
      message_passing("MP+dmb+addr", kForbidden, kForbidden, full, Link::kAddress),
      message_passing("MP+dmb+ctrl", kAllowed, kForbidden, full, Link::kControl),
      message_passing("MP+dmb+ctrl-dmb.ld", kForbidden, kForbidden, full, Link::kControlRead),
      message_passing("MP+dmb.st+dmb.ld", kForbidden, kForbidden, writes, Link::kRead),
      message_passing("MP+dmb.ld+dmb.ld", kAllowed, kForbidden, reads, Link::kRead),
      message_passing("MP+dmb.st+dmb.st", kAllowed, kForbidden, writes, Link::kWrite),
      message_passing("MP+stlr+ldar", kForbidden, kForbidden, none, Link::kPo, Order::kRelease,
                      Order::kAcquire),
      message_passing("MP+stlr+ldapr", kForbidden, kForbidden, none, Link::kPo, Order::kRelease,
                      Order::kAcquirePc),
      message_passing("MP+stlr+po", kAllowed, kForbidden, none, Link::kPo, Order::kRelease),
      message_passing("MP+po+ldar", kAllowed, kForbidden, none, Link::kPo, plain, Order::kAcquire),
      load_buffering("LB", kAllowed, Link::kPo, Link::kPo),
      load_buffering("LB+data+po", kAllowed, Link::kData, Link::kPo),
      load_buffering("LB+datas", kForbidden, Link::kData, Link::kData),
      load_buffering("LB+addrs", kForbidden, Link::kAddress, Link::kAddress),
      load_buffering("LB+ctrls", kForbidden, Link::kControl, Link::kControl),
      load_buffering("LB+dmb.sts", kAllowed, Link::kWrite, Link::kWrite),
      load_buffering("LB+dmb.ld+data", kForbidden, Link::kRead, Link::kData),
      load_buffering("LB+ldars", kForbidden, Link::kPo, Link::kPo, Order::kAcquire),
      s_shape("S", kAllowed, none, Link::kPo),
      s_shape("S+dmb.st+po", kAllowed, writes, Link::kPo),
      s_shape("S+dmb.st+data", kForbidden, writes, Link::kData),
      s_shape("S+dmb.st+ctrl", kForbidden, writes, Link::kControl),
      r_shape("R", kAllowed, kAllowed, none, none),
      r_shape("R+dmb.st+dmb", kForbidden, kForbidden, writes, full),
      r_shape("R+dmb+dmb.st", kAllowed, kAllowed, full, writes),
      r_shape("R+dmbs", kForbidden, kForbidden, full, full),
      two_plus_two("2+2W", kAllowed, none),
      two_plus_two("2+2W+dmb.lds", kAllowed, reads),
      two_plus_two("2+2W+dmb.sts", kForbidden, writes),
  };
  for (const Shape& shape : shapes) check(shape);
}

TEST_CASE("model: a store is seen by all others at once", "[model][litmus]") {
  const Shape shapes[] = {
      write_to_read("WRC", kAllowed, Link::kPo, Link::kPo),
      write_to_read("WRC+data+po", kAllowed, Link::kData, Link::kPo),
      write_to_read("WRC+data+addr", kForbidden, Link::kData, Link::kAddress),
      write_to_read("WRC+ctrl+dmb.ld", kForbidden, Link::kControl, Link::kRead),
      independent_reads("IRIW", kAllowed, Link::kPo),
      independent_reads("IRIW+addrs", kForbidden, Link::kAddress),
      independent_reads("IRIW+dmb.lds", kForbidden, Link::kRead),
  };
  for (const Shape& shape : shapes) check(shape);
}

TEST_CASE("model: one word is coherent", "[model][litmus]") {
  const auto reader = [](Location x) {
    return [=](Thread& t) { t.observe("a", t.load(x)), t.observe("b", t.load(x)); };
  };
  const Shape shapes[] = {
      {"CoRR", kForbidden, kForbidden,
       [&](Program& p) {
         const Location x = p.word("x");
         p.thread([=](Thread& t) { t.store(x, 1); });
         p.thread(reader(x));
       },
       [](const Outcome& o) { return seen(o, {{"a", 1}, {"b", 0}}); }},
      {"CoWW+CoRR", kForbidden, kForbidden,
       [&](Program& p) {
         const Location x = p.word("x");
         p.thread([=](Thread& t) { t.store(x, 1), t.store(x, 2); });
         p.thread(reader(x));
       },
       [](const Outcome& o) { return o["x"] != 2 || seen(o, {{"a", 2}, {"b", 1}}); }},
      {"CoRW", kForbidden, kForbidden,
       [](Program& p) {
         const Location x = p.word("x");
         p.thread([=](Thread& t) { t.observe("a", t.load(x)), t.store(x, 1); });
         p.thread([=](Thread& t) { t.store(x, 2); });
       },
       [](const Outcome& o) { return o["a"] == 1 || seen(o, {{"a", 2}, {"x", 2}}); }},
      {"CoWR", kForbidden, kForbidden,
       [](Program& p) {
         const Location x = p.word("x");
         p.thread([=](Thread& t) { t.store(x, 1), t.observe("a", t.load(x)); });
         p.thread([=](Thread& t) { t.store(x, 2); });
       },
       [](const Outcome& o) { return o["a"] == 0 || seen(o, {{"a", 2}, {"x", 1}}); }},
  };
  for (const Shape& shape : shapes) check(shape);
}

TEST_CASE("model: speculation and forwarding go as far as the architecture lets them", "[model][litmus]") {
  // x is written before y; whoever sees y, must it see x? `body` reads y, does something, reads x.
  const auto after_y = [](const char* name, Verdict verdict,
                          std::function<void(Thread&, Location y, Location z, Location x)> body) {
    return Shape{name, verdict, kForbidden,
                 [body](Program& p) {
                   const Location x = p.word("x"), y = p.word("y"), z = p.word("z");
                   p.thread([=](Thread& t) { t.store(x, 1), full(t), t.store(y, 1); });
                   p.thread([=](Thread& t) { body(t, y, z, x); });
                 },
                 [](const Outcome& o) { return seen(o, {{"a", 1}, {"b", 0}}); }};
  };
  const auto observe = [](Thread& t, const Expr& a, const Expr& b) { t.observe("a", a), t.observe("b", b); };
  const Shape shapes[] = {
      after_y("PPOCA: a store beyond an open branch is forwarded", kAllowed,
              [&](Thread& t, Location y, Location z, Location x) {
                const Expr a = t.load(y);
                t.require(a == 1);
                t.store(z, 1);
                observe(t, a, t.load(x.at(dependency(t.load(z)))));
              }),
      after_y("PPOAA: not when its data waits", kForbidden,
              [&](Thread& t, Location y, Location z, Location x) {
                const Expr a = t.load(y);
                t.store(z, dependency(a) + 1);
                observe(t, a, t.load(x.at(dependency(t.load(z)))));
              }),
      after_y("RSW: two loads of one store change places", kAllowed,
              [&](Thread& t, Location y, Location z, Location x) {
                const Expr a = t.load(y);
                t.load(z.at(dependency(a)));
                observe(t, a, t.load(x.at(dependency(t.load(z)))));
              }),
      after_y("a read-modify-write result reaches a plain load early", kAllowed,
              [&](Thread& t, Location y, Location z, Location x) {
                const Expr a = t.load(y);
                t.require(a == 1);
                t.exchange(z, 1, Order::kPlain);
                observe(t, a, t.load(x.at(dependency(t.load(z)))));
              }),
      after_y("a read-modify-write result reaches an acquire late", kForbidden,
              [&](Thread& t, Location y, Location z, Location x) {
                const Expr a = t.load(y);
                t.require(a == 1);
                t.exchange(z, 1, Order::kPlain);
                t.load(z, Order::kAcquirePc);
                observe(t, a, t.load(x));
              }),
  };
  for (const Shape& shape : shapes) check(shape);

  check({"RDW: two loads of different stores do not", kForbidden, kForbidden,
         [](Program& p) {
           const Location x = p.word("x"), y = p.word("y"), z = p.word("z");
           p.thread([=](Thread& t) { t.store(x, 1), full(t), t.store(y, 1); });
           p.thread([=](Thread& t) {
             const Expr a = t.load(y);
             const Expr first = t.load(z.at(dependency(a))), second = t.load(z);
             t.observe("a", a), t.observe("first", first), t.observe("second", second);
             t.observe("b", t.load(x.at(dependency(second))));
           });
           p.thread([=](Thread& t) { t.store(z, 1); });
         },
         [](const Outcome& o) { return seen(o, {{"a", 1}, {"first", 0}, {"second", 1}, {"b", 0}}); }});
  const auto addresses = [](Program& p) {
    const Location x = p.word("x"), y = p.word("y"), z = p.word("z"), w = p.word("w");
    p.thread([=](Thread& t) {
      const Expr a = t.load(x);
      t.load(z.at(dependency(a)));
      t.store(y, 1), t.observe("a", a);
    });
    p.thread([=](Thread& t) {
      const Expr b = t.load(y);
      t.load(w.at(dependency(b)));
      t.store(x, 1), t.observe("b", b);
    });
  };
  check({"LB+addr-pos: no store before every earlier address is known", kForbidden, kForbidden, addresses,
         [](const Outcome& o) { return seen(o, {{"a", 1}, {"b", 1}}); }});
}

TEST_CASE("model: read-modify-writes and locks", "[model][litmus]") {
  // store x; something; load y, on both sides
  const auto around = [](const char* name, Verdict verdict, Verdict x86,
                         std::function<void(Thread&, Location)> what) {
    return Shape{name, verdict, x86,
                 [what](Program& p) {
                   const Location x = p.word("x"), y = p.word("y"), l = p.word("l"), m = p.word("m");
                   p.thread([=](Thread& t) { t.store(x, 1), what(t, l), t.observe("a", t.load(y)); });
                   p.thread([=](Thread& t) { t.store(y, 1), what(t, m), t.observe("b", t.load(x)); });
                 },
                 [](const Outcome& o) { return seen(o, {{"a", 0}, {"b", 0}}); }};
  };
  const Shape shapes[] = {
      around("a relaxed read-modify-write orders nothing around it", kAllowed, kForbidden,
             [](Thread& t, Location l) { t.fetch_add(l, 1, Order::kPlain); }),
      around("an acquiring one lets earlier stores pass", kAllowed, kForbidden,
             [](Thread& t, Location l) { t.fetch_add(l, 1, Order::kAcquire); }),
      around("a releasing one lets later loads pass", kAllowed, kForbidden,
             [](Thread& t, Location l) { t.fetch_add(l, 1, Order::kRelease); }),
      around("LDADDAL is a full barrier", kForbidden, kForbidden,
             [](Thread& t, Location l) { t.fetch_add(l, 1, Order::kFull); }),
      around("a lock taken is not a full barrier", kAllowed, kForbidden,
             [](Thread& t, Location l) { t.lock(l); }),
      around("nor is a lock taken and given back", kAllowed, kForbidden,
             [](Thread& t, Location l) { t.lock(l), t.unlock(l); }),
      around("with a barrier after it, it is", kForbidden, kForbidden,
             [](Thread& t, Location l) { t.lock(l), full(t); }),
  };
  for (const Shape& shape : shapes) check(shape);

  // the store itself is the read-modify-write
  const auto exchanging = [](const char* name, Verdict verdict, Order order) {
    return Shape{name, verdict, kForbidden,
                 [order](Program& p) {
                   const Location x = p.word("x"), y = p.word("y");
                   p.thread([=](Thread& t) { t.exchange(x, 1, order), t.observe("a", t.load(y)); });
                   p.thread([=](Thread& t) { t.exchange(y, 1, order), t.observe("b", t.load(x)); });
                 },
                 [](const Outcome& o) { return seen(o, {{"a", 0}, {"b", 0}}); }};
  };
  check(exchanging("SB of SWPs", kAllowed, Order::kPlain));
  check(exchanging("SB of SWPAs", kAllowed, Order::kAcquire));
  check(exchanging("SB of SWPLs", kAllowed, Order::kRelease));
  check(exchanging("SB of SWPALs", kForbidden, Order::kFull));

  check({"nothing comes between the halves of a read-modify-write", kForbidden, kForbidden,
         [](Program& p) {
           const Location x = p.word("x");
           for (int i = 0; i < 3; ++i) p.thread([=](Thread& t) { t.fetch_add(x, 1, Order::kPlain); });
         },
         [](const Outcome& o) { return o["x"] != 3; }});
  check({"a lock protects what it protects", kForbidden, kForbidden,
         [](Program& p) {
           const Location l = p.word("l"), x = p.word("x");
           for (int i = 0; i < 3; ++i)
             p.thread([=](Thread& t) { t.lock(l), t.store(x, t.load(x) + 1), t.unlock(l); });
         },
         [](const Outcome& o) { return o["x"] != 3; }});
  check({"a compare-exchange succeeds for one", kForbidden, kForbidden,
         [](Program& p) {
           const Location x = p.word("x"), wins = p.word("wins");
           for (int i = 1; i <= 2; ++i)
             p.thread([=](Thread& t) {
               if (t.compare_exchange(x, 0, i, Order::kPlain)) t.fetch_add(wins, 1, Order::kPlain);
             });
         },
         [](const Outcome& o) { return o["wins"] != 1; }});
}

TEST_CASE("model: a path is followed where its branches lead", "[model]") {
  Program p;
  const Location x = p.word("x"), y = p.word("y");
  p.thread([=](Thread& t) {
    const Expr a = t.load(x);
    t.observe("a", a);
    if (t.branch(a == 1))
      t.store(y, 10);
    else
      t.observe("other", 7);
  });
  p.thread([=](Thread& t) { t.store(x, 1); });
  const Result result = explore(p, Machine::kAarch64);
  CHECK(result.outcomes.size() == 2);
  CHECK(result.any([](const Outcome& o) { return seen(o, {{"a", 1}, {"y", 10}, {"other", kAbsent}}); }));
  CHECK(result.any([](const Outcome& o) { return seen(o, {{"a", 0}, {"y", 0}, {"other", 7}}); }));
  CHECK_THROWS_AS(result.any([](const Outcome& o) { return o["nonsense"] == 0; }), std::out_of_range);
}
