// SPDX-License-Identifier: Apache-2.0
// What the fair class tells the deadline server that protects it from starvation (spec 5.8).
#pragma once

#include <sched/deadline.hpp>

namespace runnel::sched {

/// The first fair task was queued here.
inline void fair_server_start(Rq& rq) REQUIRES(rq.lock) { dl_server_start(rq, DlServerKind::kFair); }
/// A fair task ran for `delta`, inside or outside the server.
inline void fair_server_charge(Rq& rq, Duration delta) REQUIRES(rq.lock) {
  dl_server_charge(rq, DlServerKind::kFair, delta);
}

} // namespace runnel::sched
