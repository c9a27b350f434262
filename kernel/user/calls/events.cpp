// SPDX-License-Identifier: Apache-2.0
// Pipes and what is waited for: eventfd, timerfd, poll, select, epoll.
#include "kernel/fs/epoll.hpp"
#include "kernel/fs/eventfd.hpp"
#include "kernel/fs/pipe.hpp"
#include "kernel/fs/poll_call.hpp"
#include "kernel/fs/timerfd.hpp"
#include "kernel/time/clock.hpp"
#include "kernel/user/calls.hpp"
#include "kernel/user/clocks.hpp"
#include "kernel/user/file/abi_stat.hpp"
#include "kernel/user/file/call_support.hpp"
#include "kernel/user/file/calls.hpp"
#include "kernel/user/signal/signal.hpp"

#include <algorithm>
#include <cstring>

namespace runnel::user {

namespace {

/// When a signal ends a wait and no handler runs, the call is made again: as it is, unless its limit of time
/// would begin anew by that.
i64 waited(Result<usize> result, Instant until) {
  if (!result && result.error() == Errno::kINTR && until == kNever) return negative(Errno::kRESTARTNOHAND);
  return to_syscall(result);
}

/// `wait()` under the signal mask at the user address `mask` (0: the thread's own).
template <typename Wait> i64 with_mask(u64 mask, u64 size, Wait wait) {
  if (mask == 0) return wait();
  if (size != sizeof(SigSet)) return negative(Errno::kINVAL);
  const auto set = read_user<SigSet>(mask);
  if (!set) return negative(set.error());
  set_temporary_mask(*set & ~kUnblockable);
  const i64 result = wait();
  // A signal that ended the wait is delivered under the temporary mask.
  if (result != negative(Errno::kINTR) && result != negative(Errno::kRESTARTNOHAND)) restore_mask();
  return result;
}

// --- poll

struct UserPoll {
  i32 fd;
  u16 events, result;
};

i64 poll_until(u64 user_list, u32 count, Instant until) {
  if (count > descriptor_limit()) return negative(Errno::kINVAL);
  HeapArray<UserPoll> list;
  HeapArray<fs::PollRequest> requests;
  if (const auto room = list.allocate(count); !room) return negative(room.error());
  if (const auto room = requests.allocate(count); !room) return negative(room.error());
  if (const auto read = copy_from_user(list.data(), user_list, count * sizeof(UserPoll)); !read)
    return negative(read.error());
  for (u32 i = 0; i < count; ++i) {
    if (list[i].fd < 0) continue;
    auto file = find_open(list[i].fd);
    if (file)
      requests[i].file = std::move(*file);
    else
      requests[i].result = fs::kPollNval;
    requests[i].events = list[i].events;
  }
  const Result<usize> ready = fs::poll_files(requests.span(), until);
  if (!ready) return waited(ready, until);
  for (u32 i = 0; i < count; ++i) list[i].result = static_cast<u16>(requests[i].result);
  const auto written = copy_to_user(user_list, list.data(), count * sizeof(UserPoll));
  return written ? static_cast<i64>(*ready) : negative(written.error());
}

/// poll, at first and when a signal without a handler cut it short: until the same moment.
i64 poll_again(RestartBlock& block) {
  const i64 result = poll_until(block.args[0], static_cast<u32>(block.args[1]), Instant{block.args[2]});
  if (result != negative(Errno::kINTR)) return result;
  block.resume = poll_again;
  return negative(Errno::kRESTART_RESTARTBLOCK);
}

// --- select

constexpr u32 kSelectIn = fs::kPollIn | fs::kPollRdNorm | fs::kPollRdBand | fs::kPollHup | fs::kPollErr;
constexpr u32 kSelectOut = fs::kPollOut | fs::kPollWrNorm | fs::kPollErr;
constexpr u32 kSelectExcept = fs::kPollPri;
constexpr u32 kMaxSelect = 1024;

struct FdSets {
  u64 words[3][kMaxSelect / 64] = {};
};

i64 select_until(i32 count, const u64 (&user_sets)[3], Instant until) {
  if (count < 0) return negative(Errno::kINVAL);
  const u32 n = std::min(static_cast<u32>(count), kMaxSelect);
  const usize bytes = align_up(n, 64) / 8;
  FdSets sets;
  for (u32 k = 0; k < 3; ++k)
    if (user_sets[k] != 0)
      if (const auto read = copy_from_user(sets.words[k], user_sets[k], bytes); !read)
        return negative(read.error());
  HeapArray<fs::PollRequest> requests;
  if (const auto room = requests.allocate(n); !room) return negative(room.error());
  constexpr u32 kEvents[] = {kSelectIn, kSelectOut, kSelectExcept};
  for (u32 fd = 0; fd < n; ++fd) {
    u32 events = 0;
    for (u32 k = 0; k < 3; ++k)
      if ((sets.words[k][fd / 64] >> fd % 64 & 1) != 0) events |= kEvents[k];
    if (events == 0) continue;
    auto file = find_open(static_cast<i32>(fd));
    if (!file) return negative(file.error());
    requests[fd] = {std::move(*file), events, 0};
  }
  const Result<usize> ready = fs::poll_files(requests.span(), until);
  if (!ready) return waited(ready, until);
  i64 total = 0;
  FdSets out;
  for (u32 fd = 0; fd < n; ++fd)
    for (u32 k = 0; k < 3; ++k) {
      if ((sets.words[k][fd / 64] >> fd % 64 & 1) == 0 || (requests[fd].result & kEvents[k]) == 0) continue;
      out.words[k][fd / 64] |= u64{1} << fd % 64;
      ++total;
    }
  for (u32 k = 0; k < 3; ++k)
    if (user_sets[k] != 0)
      if (const auto written = copy_to_user(user_sets[k], out.words[k], bytes); !written)
        return negative(written.error());
  return total;
}

// --- epoll

/// struct epoll_event is packed on x86_64 only (linux_abi 7).
constexpr usize kEpollEventSize = arch::kGenericNumbers ? 16 : 12;
constexpr usize kEpollDataAt = kEpollEventSize - sizeof(u64);

Result<fs::EpollEvent> read_event(u64 from) {
  char bytes[kEpollEventSize];
  RUNNEL_TRY(copy_from_user(bytes, from, sizeof bytes));
  fs::EpollEvent event;
  std::memcpy(&event.events, bytes, sizeof event.events);
  std::memcpy(&event.data, bytes + kEpollDataAt, sizeof event.data);
  return event;
}

Result<> write_event(u64 to, const fs::EpollEvent& event) {
  char bytes[kEpollEventSize] = {};
  std::memcpy(bytes, &event.events, sizeof event.events);
  std::memcpy(bytes + kEpollDataAt, &event.data, sizeof event.data);
  return copy_to_user(to, bytes, sizeof bytes);
}

Result<FilePtr> find_epoll(i32 fd) {
  auto file = find_open(fd);
  if (file && fs::EpollFile::from(**file) == nullptr) return err(Errno::kINVAL);
  return file;
}

i64 epoll_wait_until(i32 fd, u64 to, i32 most, Instant until) {
  constexpr i32 kMostEvents = 0x7fffffff / static_cast<i32>(kEpollEventSize);
  if (most <= 0 || most > kMostEvents) return negative(Errno::kINVAL);
  if (!is_user_range(to, static_cast<u64>(most) * kEpollEventSize)) return negative(Errno::kFAULT);
  const auto file = find_epoll(fd);
  if (!file) return negative(file.error());
  fs::EpollEvent events[32]; // a call may give fewer than it is asked for
  const usize room = std::min<usize>(static_cast<usize>(most), std::size(events));
  const Result<usize> ready = fs::EpollFile::from(**file)->wait({events, room}, until);
  if (!ready) return to_syscall(ready); // EINTR, whatever the handler's flags
  for (usize i = 0; i < *ready; ++i)
    if (const auto written = write_event(to + i * kEpollEventSize, events[i]); !written)
      return negative(written.error());
  return static_cast<i64>(*ready);
}

// --- timerfd

struct UserTimer {
  Timespec interval, value;
};
Result<> write_timer(u64 to, const fs::TimerSetting& setting) {
  return write_user(to, UserTimer{to_timespec(setting.interval), to_timespec(setting.value)});
}
Result<FilePtr> find_timer(i32 fd) {
  auto file = find_open(fd);
  if (file && fs::TimerFile::from(**file) == nullptr) return err(Errno::kINVAL);
  return file;
}

} // namespace

i64 sys_pipe2(u64 to, u32 user_flags) {
  const u32 flags = open_flags_from_user(user_flags);
  if ((flags & ~u32{fs::kCloseOnExec | fs::kNonBlock | fs::kDirect}) != 0) return negative(Errno::kINVAL);
  auto ends = fs::create_pipe(flags);
  if (!ends) return negative(ends.error());
  return new_descriptor_pair(std::move(ends->reader), std::move(ends->writer), flags, to);
}
i64 sys_pipe(u64 to) { return sys_pipe2(to, 0); }

i64 sys_eventfd2(u32 initial, u32 flags) {
  constexpr u32 kSemaphore = 1;
  if ((flags & ~u32{kSemaphore | fs::kCloseOnExec | fs::kNonBlock}) != 0) return negative(Errno::kINVAL);
  const auto mode = (flags & kSemaphore) != 0 ? fs::EventMode::kSemaphore : fs::EventMode::kCounter;
  return new_descriptor(fs::create_eventfd(initial, mode, flags), flags);
}
i64 sys_eventfd(u32 initial) { return sys_eventfd2(initial, 0); }

i64 sys_poll(u64 list, u32 count, i32 timeout) {
  RestartBlock& block = current_thread().signals.restart;
  block.args[0] = list;
  block.args[1] = count;
  block.args[2] = deadline_ms(timeout).ns;
  return poll_again(block);
}
i64 sys_ppoll(u64 list, u32 count, u64 timeout, u64 mask, u64 mask_size) {
  const auto until = read_timeout(timeout);
  if (!until) return negative(until.error());
  return with_mask(mask, mask_size, [&] { return poll_until(list, count, *until); });
}

i64 sys_select(i32 count, u64 in, u64 out, u64 except, u64 timeout) {
  Instant until = kNever;
  if (timeout != 0) {
    const auto time = read_user<Timeval>(timeout);
    if (!time) return negative(time.error());
    const auto ns = to_ns(*time);
    if (!ns) return negative(ns.error());
    until = *ns == 0 ? Instant{} : time::now() + Duration{static_cast<i64>(*ns)};
  }
  return select_until(count, {in, out, except}, until);
}
i64 sys_pselect6(i32 count, u64 in, u64 out, u64 except, u64 timeout, u64 user_mask) {
  struct {
    u64 mask = 0, size = 0;
  } mask;
  if (user_mask != 0)
    if (const auto read = copy_from_user(&mask, user_mask, sizeof mask); !read) return negative(read.error());
  const auto until = read_timeout(timeout);
  if (!until) return negative(until.error());
  return with_mask(mask.mask, mask.size, [&] { return select_until(count, {in, out, except}, *until); });
}

i64 sys_epoll_create1(u32 flags) {
  if ((flags & ~u32{fs::kCloseOnExec}) != 0) return negative(Errno::kINVAL);
  return new_descriptor(fs::EpollFile::create(), flags);
}
i64 sys_epoll_create(i32 size) { return size > 0 ? sys_epoll_create1(0) : negative(Errno::kINVAL); }

i64 sys_epoll_ctl(i32 set, u32 operation, i32 fd, u64 user_event) {
  constexpr u32 kAdd = 1, kRemove = 2, kModify = 3;
  fs::EpollEvent event;
  if (operation != kRemove) {
    const auto read = read_event(user_event);
    if (!read) return negative(read.error());
    event = *read;
  }
  const auto epoll = find_open(set);
  if (!epoll) return negative(epoll.error());
  const auto file = find_open(fd);
  if (!file) return negative(file.error());
  if (!(*file)->can_poll()) return negative(Errno::kPERM);
  fs::EpollFile* const watching = fs::EpollFile::from(**epoll);
  if (watching == nullptr || epoll->get() == file->get()) return negative(Errno::kINVAL);
  switch (operation) {
  case kAdd:
    return to_syscall(watching->add(**file, fd, event));
  case kRemove:
    return to_syscall(watching->remove(**file, fd));
  case kModify:
    return to_syscall(watching->modify(**file, fd, event));
  default:
    return negative(Errno::kINVAL);
  }
}

i64 sys_epoll_wait(i32 set, u64 to, i32 most, i32 timeout) {
  return epoll_wait_until(set, to, most, deadline_ms(timeout));
}
i64 sys_epoll_pwait(i32 set, u64 to, i32 most, i32 timeout, u64 mask, u64 mask_size) {
  return with_mask(mask, mask_size, [&] { return epoll_wait_until(set, to, most, deadline_ms(timeout)); });
}
i64 sys_epoll_pwait2(i32 set, u64 to, i32 most, u64 timeout, u64 mask, u64 mask_size) {
  const auto until = read_timeout(timeout);
  if (!until) return negative(until.error());
  return with_mask(mask, mask_size, [&] { return epoll_wait_until(set, to, most, *until); });
}

i64 sys_timerfd_create(i32 clock, u32 flags) {
  if ((flags & ~u32{fs::kCloseOnExec | fs::kNonBlock}) != 0) return negative(Errno::kINVAL);
  fs::TimerClock kind;
  switch (clock) {
  case kClockRealtime:
    kind = fs::TimerClock::kRealtime;
    break;
  case kClockMonotonic:
    kind = fs::TimerClock::kMonotonic;
    break;
  case kClockBoottime:
    kind = fs::TimerClock::kBoottime;
    break;
  default:
    return negative(Errno::kINVAL);
  }
  return new_descriptor(fs::TimerFile::create(kind, flags), flags);
}

i64 sys_timerfd_settime(i32 fd, u32 flags, u64 from, u64 to_old) {
  constexpr u32 kAbsolute = 1, kCancelOnSet = 2;
  const auto setting = read_user<UserTimer>(from);
  if (!setting) return negative(setting.error());
  if ((flags & ~(kAbsolute | kCancelOnSet)) != 0) return negative(Errno::kINVAL);
  const auto interval = to_ns(setting->interval);
  const auto value = to_ns(setting->value);
  if (!interval || !value) return negative(Errno::kINVAL);
  const auto file = find_timer(fd);
  if (!file) return negative(file.error());
  const auto kind = (flags & kAbsolute) != 0 ? fs::TimerKind::kAbsolute : fs::TimerKind::kRelative;
  const fs::TimerSetting old = fs::TimerFile::from(**file)->set(kind, {*interval, *value});
  return to_old == 0 ? 0 : to_syscall(write_timer(to_old, old));
}

i64 sys_timerfd_gettime(i32 fd, u64 to) {
  const auto file = find_timer(fd);
  return file ? to_syscall(write_timer(to, fs::TimerFile::from(**file)->get())) : negative(file.error());
}

} // namespace runnel::user
