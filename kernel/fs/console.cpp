// SPDX-License-Identifier: Apache-2.0
#include "kernel/fs/console.hpp"

#include "kernel/fs/ioctl.hpp"
#include "kernel/fs/seams.hpp"
#include "kernel/fs/terminal.hpp"
#include "kernel/log/log.hpp"
#include "kernel/sync/wait_queue.hpp"

#include <algorithm>

namespace runnel::fs {
namespace {

constinit std::atomic<ConsoleMode> console_mode{ConsoleMode::kBatch};
constinit std::atomic<u32> foreground_group{0}; // 0: nobody has set it; whoever asks is in it
constinit SpinLock input_lock{LockRank::kFileObject};
constinit Terminal terminal GUARDED_BY(input_lock);
constinit PollQueue input_queue;
constinit WaitQueue room; // for the one that brings the input

ConsoleMode mode() { return console_mode.load(std::memory_order_relaxed); }
bool is_terminal() { return mode() == ConsoleMode::kTerminal; }

bool has_input() {
  if (mode() == ConsoleMode::kBatch) return true;
  const IrqSpinGuard guard(input_lock);
  return terminal.is_readable();
}

std::optional<usize> take_input(std::span<char> to) {
  if (mode() == ConsoleMode::kBatch) return 0;
  std::optional<usize> n;
  {
    const IrqSpinGuard guard(input_lock);
    n = terminal.take(to);
  }
  room.wake_one();
  return n;
}

template <typename T> Result<i64> give(u64 to, const T& value) {
  if (seams.copy_to_user(to, &value, sizeof value) != 0) return err(Errno::kFAULT);
  return 0;
}
template <typename T> Result<T> fetch(u64 from) {
  T value;
  if (seams.copy_from_user(&value, from, sizeof value) != 0) return err(Errno::kFAULT);
  return value;
}

Result<i64> set_termios(u32 command, u64 from) {
  const auto wanted = fetch<Termios>(from);
  if (!wanted) return err(wanted.error());
  {
    const IrqSpinGuard guard(input_lock);
    if (command == ioctls::kTcSetSF) terminal.flush();
    terminal.set(*wanted);
  }
  input_queue.wake(kPollReadable);
  return 0;
}

/// What only a terminal answers.
Result<i64> terminal_ioctl(u32 command, u64 argument) {
  if (!is_terminal()) return err(Errno::kNOTTY);
  switch (command) {
  case ioctls::kTiocgWinSize: {
    struct {
      u16 rows = 24, columns = 80, width = 0, height = 0;
    } size;
    return give(argument, size);
  }
  case ioctls::kTcGets: {
    Termios now;
    {
      const IrqSpinGuard guard(input_lock);
      now = terminal.settings();
    }
    return give(argument, now);
  }
  case ioctls::kTcSetS:
  case ioctls::kTcSetSW:
  case ioctls::kTcSetSF:
    return set_termios(command, argument);
  case ioctls::kTiocgPgrp: {
    const u32 group = foreground_group.load(std::memory_order_relaxed);
    return give(argument, group != 0 ? group : seams.current_group());
  }
  case ioctls::kTiocsPgrp: {
    const auto group = fetch<u32>(argument);
    if (!group) return err(group.error());
    foreground_group.store(*group, std::memory_order_relaxed);
    return 0;
  }
  case ioctls::kTiocsCtty:
    return 0;
  default:
    return err(Errno::kNOTTY);
  }
}

class Console final : public File {
 public:
  explicit Console(u32 flags) : File(flags) {}

  u32 poll(PollTable* table) override {
    if (table != nullptr) table->watch(input_queue);
    return kPollWritable | (has_input() ? u32{kPollReadable} : 0);
  }

  Result<i64> ioctl(u32 command, u64 argument) override {
    if (command != ioctls::kFionRead) return terminal_ioctl(command, argument);
    u32 n;
    {
      const IrqSpinGuard guard(input_lock);
      n = terminal.available();
    }
    return give(argument, n);
  }

  void stat(Stat& to) const override {
    to.mode = kTypeChar | 0620;
    to.rdev = make_device(5, 1);
    to.inode = 5;
    to.block_size = 1024;
  }

  void describe(Sink& sink) const override { sink.write("/dev/console"); }

 protected:
  Result<usize> do_read(IoBuffer& to, u64&) override {
    char text[128];
    if (to.empty()) return 0;
    for (;;) {
      const auto n =
          take_input(std::span(text).first(static_cast<usize>(std::min<u64>(sizeof text, to.left()))));
      if (n && *n == 0) return 0; // the end
      if (n) return transferred(to.put(text, *n), Errno::kFAULT);
      if (is_nonblocking()) return err(Errno::kAGAIN);
      if (input_queue.wait(kPollReadable, has_input, kNever) == WaitResult::kInterrupted)
        return err(Errno::kRESTARTSYS);
    }
  }

  Result<usize> do_write(IoBuffer& from, u64&) override {
    char text[256];
    usize done = 0;
    while (!from.empty()) {
      const usize n = from.take(text, sizeof text);
      if (n == 0) return transferred(done, Errno::kFAULT);
      log::raw_write({text, n});
      done += n;
    }
    return done;
  }
};

} // namespace

Result<FilePtr> open_console(u32 flags) { return make_file<Console>(flags); }

void set_console_mode(ConsoleMode mode) {
  {
    const IrqSpinGuard guard(input_lock);
    if (mode == ConsoleMode::kPipe) terminal.make_raw();
  }
  console_mode.store(mode, std::memory_order_relaxed);
  input_queue.wake(kPollReadable);
}

void console_input(char c) {
  char shown[8];
  BufferSink echo(shown);
  i32 signal = 0;
  room.wait([] {
    const IrqSpinGuard guard(input_lock);
    // A line that is too long has to end all the same.
    return is_terminal() || terminal.has_room();
  });
  {
    const IrqSpinGuard guard(input_lock);
    signal = terminal.input(c, echo);
  }
  if (!echo.view().empty()) log::raw_write(echo.view());
  if (signal != 0) seams.signal_group(foreground_group.load(std::memory_order_relaxed), signal);
  input_queue.wake(kPollReadable);
}

void console_input_end() {
  {
    const IrqSpinGuard guard(input_lock);
    terminal.end();
  }
  input_queue.wake(kPollReadable);
}

void set_console_group(u32 group) { foreground_group.store(group, std::memory_order_relaxed); }

} // namespace runnel::fs
