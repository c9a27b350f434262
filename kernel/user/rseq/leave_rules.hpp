// SPDX-License-Identifier: Apache-2.0
// What happens to the event word (sched/rseq_event.hpp) on the ways out to user mode (spec rseq_mm_cid 3.3
// to 3.7): the order of things, without the machine. The kernel's ground is leave.cpp;
// tests/model/rseq_leave.cpp goes through all that can come in between.
#pragma once

#include <sched/rseq_event.hpp>

namespace runnel::user::rseq {

enum class Outcome : u8 {
  kDone,
  kFault, // user memory was not there, or not to be had with interrupts off
  kFatal, // what is there cannot be meant
};

/// A task with this event word is switched to, its CPU and CID being what they will be; or, on its own CPU,
/// it is to leave the section it is in.
inline void note_switch_in(sched::RseqEvent& event) {
  if ((event.user_entry | event.ids_changed) != 0) event.switched = event.version;
  if (event.version == 1) event.force();
}

/// Interrupts off, event.switched is set. False: the slow path has been asked for.
///   Outcome Ground::update(ids)  stores the ids as they are now, if that is true, and looks at the section
///   void Ground::ask_for_slow()
template <typename Ground> bool leave_fast(sched::RseqEvent& event, Ground& ground) {
  const Outcome outcome = ground.update(event.ids_changed != 0);
  if (outcome == Outcome::kDone) return true;
  if (outcome == Outcome::kFatal) event.fatal = 1;
  event.slow = 1;
  ground.ask_for_slow();
  return false;
}

/// Interrupts on. False: the thread's data are bad.
///   Ground::IrqsOff        lives while they are off
///   void Ground::sample()  the ids as they are now
///   Outcome Ground::update_sampled()
template <typename Ground> bool leave_slow(sched::RseqEvent& event, Ground& ground) {
  if (event.slow == 0) return true;
  bool pending;
  {
    [[maybe_unused]] const typename Ground::IrqsOff irqs_off;
    pending = event.switched != 0;
    // A switch from here on brings another round: what is sampled may be old by then.
    event.switched = event.ids_changed = 0;
    event.fatal = event.slow = 0;
    ground.sample();
  }
  return !pending || ground.update_sampled() == Outcome::kDone;
}

/// False as above.
///   Outcome Ground::look_before_signal()  at the section
template <typename Ground> bool before_signal(sched::RseqEvent& event, Ground& ground) {
  if (event.version == 0 || (event.version == 2 && event.user_entry == 0)) return true;
  if (ground.look_before_signal() != Outcome::kDone) {
    event.fatal = event.slow = 0;
    return false;
  }
  if (event.version == 1) event.force();
  return true;
}

} // namespace runnel::user::rseq
