// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/strace/strace.hpp"

#include "kernel/log/log.hpp"
#include "kernel/sync/mutex.hpp"
#include "kernel/user/strace/format.hpp"
#include "kernel/user/thread.hpp"
#include "kernel/user/uaccess.hpp"

#include <atomic>

namespace runnel::user {
namespace {

constinit std::atomic<bool> is_on{false};

class UserMemory final : public CallMemory {
 public:
  usize read(void* to, u64 from, usize size) override { return copy_from_user_some(to, from, size); }
};

/// A call that was begun and whose line is not out yet.
struct Begun {
  char text[384];
  usize size = 0;
  u32 tid = 0;
  bool is_shown = false; // as unfinished, since another thread made a call meanwhile
};

constinit Mutex mutex;
constinit Begun* last GUARDED_BY(mutex) = nullptr;

void show_last() REQUIRES(mutex) {
  if (last == nullptr) return;
  raw_print("runnel: strace {} {} <unfinished ...>", last->tid, std::string_view(last->text, last->size));
  last->is_shown = true;
  last = nullptr;
}

void say(std::string_view text) {
  const MutexGuard guard(mutex);
  show_last();
  raw_print("runnel: strace {} {}", current_task().pid, text);
}

TracedCall describe(const Syscall& call, const arch::UserRegs& regs) {
  TracedCall traced{.name = call.name, .kinds = syscall_arguments(call.name), .arguments = {}};
  for (u32 i = 0; i < std::size(traced.arguments); ++i) traced.arguments[i] = regs.syscall_arg(i);
  return traced;
}

bool never_returns(std::string_view name) { return name == "exit" || name == "exit_group"; }

} // namespace

void set_strace(Strace strace) { is_on.store(strace == Strace::kOn, std::memory_order_relaxed); }
bool strace_is_on() { return is_on.load(std::memory_order_relaxed); }

i64 traced_call(const Syscall& call, arch::UserRegs& regs) {
  UserMemory memory;
  const TracedCall traced = describe(call, regs);
  Begun begun{.text = {}, .tid = current_task().pid};
  BufferSink text(begun.text);
  const u32 shown = format_entry(text, traced, memory);
  begun.size = text.view().size();
  if (never_returns(traced.name)) {
    char whole[128];
    BufferSink line(whole);
    format_to(line, "{}) = ?", text.view());
    say(line.view());
    return call.call(regs);
  }
  {
    const MutexGuard guard(mutex);
    show_last();
    last = &begun;
  }
  const i64 result = call.call(regs);
  char rest[256];
  BufferSink tail(rest);
  format_exit(tail, traced, shown, result, memory);
  const MutexGuard guard(mutex);
  if (last == &begun) last = nullptr;
  if (begun.is_shown)
    raw_print("runnel: strace {} <... {} resumed>{}", begun.tid, traced.name, tail.view());
  else
    raw_print("runnel: strace {} {}{}", begun.tid, text.view(), tail.view());
  return result;
}

void trace_missing(std::string_view name, u64 number) {
  char text[96];
  BufferSink line(text);
  if (name == "?")
    format_to(line, "syscall_{:#x}(...) = -1 ENOSYS (Function not implemented)", number);
  else
    format_to(line, "{}(...) = -1 ENOSYS (Function not implemented)", name);
  say(line.view());
}

void trace_signal(i32 signo) {
  char text[64];
  BufferSink line(text);
  line.write("--- ");
  format_signal(line, static_cast<u64>(signo));
  line.write(" ---");
  say(line.view());
}

void trace_end(i32 status) {
  char text[64];
  BufferSink line(text);
  if ((status & 0x7f) == 0) {
    format_to(line, "+++ exited with {} +++", status >> 8 & 0xff);
  } else {
    line.write("+++ killed by ");
    format_signal(line, static_cast<u64>(status & 0x7f));
    line.write(" +++");
  }
  say(line.view());
}

} // namespace runnel::user
