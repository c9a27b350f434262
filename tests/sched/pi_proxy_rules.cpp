// SPDX-License-Identifier: Apache-2.0
// P03, first half: the table of spec 6 against its rows, written down a second time.
#include "sched/pi/proxy_rules.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace runnel::sched;
using namespace runnel::sched::proxy;

namespace {

/// The rows in the order of the specification; the first that fits decides.
Action expected(const Finding& f, ProxyLevel level) {
  const bool mutex = f.blocked_on == BlockedOn::kMutex;
  struct Row {
    bool fits;
    Action action;
  };
  const Row rows[] = {
      {f.blocked_on == BlockedOn::kNothing, Action::kRun},
      {f.blocked_on == BlockedOn::kWaking && f.executes, Action::kClearAndRun},
      {f.blocked_on == BlockedOn::kWaking, Action::kReturn},
      {mutex && f.changed, Action::kPickAgain},
      {mutex && f.owner == Owner::kNone && f.executes, Action::kClearAndRun},
      {mutex && f.owner == Owner::kNone, Action::kReturn},
      {mutex && f.owner == Owner::kOff && f.chain_executes, Action::kIdleOnce},
      {mutex && f.owner == Owner::kOff, Action::kBlockDonor},
      {mutex && f.owner == Owner::kElsewhere && f.chain_executes, Action::kIdleOnce},
      {mutex && f.owner == Owner::kElsewhere && level == ProxyLevel::kMove, Action::kMove},
      {mutex && f.owner == Owner::kElsewhere, Action::kBlockDonor},
      {mutex && f.owner == Owner::kMigratingHere, Action::kIdleOnce},
      {mutex && f.owner == Owner::kMoved, Action::kPickAgain},
      {mutex && f.owner == Owner::kSelf, Action::kIdleOnce},
      {mutex && f.owner == Owner::kHere, Action::kFollow},
  };
  for (const Row& row : rows)
    if (row.fits) return row.action;
  throw "a finding without a row";
}

} // namespace

TEST_CASE("every finding has the action of its row", "[P03]") {
  std::set<Action> seen;
  for (const ProxyLevel level : {ProxyLevel::kOneCpu, ProxyLevel::kMove})
    for (const BlockedOn on : {BlockedOn::kNothing, BlockedOn::kMutex, BlockedOn::kWaking})
      for (const Owner owner : {Owner::kNone, Owner::kOff, Owner::kElsewhere, Owner::kMigratingHere,
                                Owner::kMoved, Owner::kSelf, Owner::kHere})
        for (unsigned flags = 0; flags < 8; ++flags) {
          const Finding f{on, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, owner};
          CHECK(action_for(f, level) == expected(f, level));
          seen.insert(action_for(f, level));
        }
  CHECK(seen.size() == 8);
}

TEST_CASE("nobody who executes is moved, blocked or returned", "[P03]") {
  for (const ProxyLevel level : {ProxyLevel::kOneCpu, ProxyLevel::kMove})
    for (const BlockedOn on : {BlockedOn::kMutex, BlockedOn::kWaking})
      for (const Owner owner : {Owner::kNone, Owner::kOff, Owner::kElsewhere, Owner::kMigratingHere,
                                Owner::kMoved, Owner::kSelf, Owner::kHere}) {
        const Action action = action_for({on, false, true, true, owner}, level);
        CHECK(action != Action::kMove);
        CHECK(action != Action::kBlockDonor);
        CHECK(action != Action::kReturn);
      }
}
