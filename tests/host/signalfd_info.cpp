// SPDX-License-Identifier: Apache-2.0
// What a signalfd tells of a signal, by where it comes from (struct signalfd_siginfo).
#include "kernel/user/signal/signalfd_info.hpp"

#include <catch2/catch.hpp>

using namespace runnel;
using namespace runnel::user;

TEST_CASE("the code tells which part of siginfo is in use") {
  CHECK(layout_of(kSigUsr1, kSiUser) == SigLayout::kKill);
  CHECK(layout_of(kSigUsr1, kSiTkill) == SigLayout::kQueued);
  CHECK(layout_of(kSigUsr1, kSiQueue) == SigLayout::kQueued);
  CHECK(layout_of(kSigAlrm, kSiTimer) == SigLayout::kTimer);
  CHECK(layout_of(kSigAlrm, kSiKernel) == SigLayout::kKill);
  CHECK(layout_of(kSigIo, -5) == SigLayout::kPoll);
  CHECK(layout_of(kSigIo, 1) == SigLayout::kPoll);
  CHECK(layout_of(kSigRtMin, 6) == SigLayout::kPoll); // F_SETSIG
  CHECK(layout_of(kSigRtMin, 7) == SigLayout::kKill);
  CHECK(layout_of(kSigSegv, kSegvMapErr) == SigLayout::kFault);
  CHECK(layout_of(kSigSegv, 11) == SigLayout::kKill);
  CHECK(layout_of(kSigChld, kCldContinued) == SigLayout::kChild);
  CHECK(layout_of(kSigSys, 1) == SigLayout::kSyscall);
}

TEST_CASE("a signal of each kind") {
  const SignalFdInfo sent = to_signalfd(SigInfo::from_user(kSigUsr1, kSiUser, 7, 1000));
  CHECK(sent.signo == 10u);
  CHECK(sent.pid == 7);
  CHECK(sent.uid == 1000);
  CHECK(sent.value == 0);

  SigInfo queued = SigInfo::from_user(kSigRtMin, kSiQueue, 8, 9);
  queued.sender.value = 0x1234'5678'9abc'def0;
  CHECK(to_signalfd(queued).value == 0x1234'5678'9abc'def0);
  CHECK(to_signalfd(queued).value_int == static_cast<i32>(0x9abc'def0u));
  CHECK(to_signalfd(queued).pid == 8);

  SigInfo timer = SigInfo::of(kSigAlrm, kSiTimer);
  timer.timer = {3, 5, 77};
  const SignalFdInfo expired = to_signalfd(timer);
  CHECK(expired.timer == 3);
  CHECK(expired.overrun == 5);
  CHECK(expired.value_int == 77);
  CHECK(expired.pid == 0);

  SigInfo child = SigInfo::from_child(kCldKilled, 12, 1, 9);
  child.child.utime = 4;
  child.child.stime = 2;
  const SignalFdInfo ended = to_signalfd(child);
  CHECK(ended.status == 9);
  CHECK(ended.pid == 12);
  CHECK(ended.utime == 4);
  CHECK(ended.stime == 2);

  const SignalFdInfo fault = to_signalfd(SigInfo::from_fault(kSigSegv, kSegvMapErr, 0xdead'0000));
  CHECK(fault.address == 0xdead'0000);
  CHECK(fault.pid == 0);
}
