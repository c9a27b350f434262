// SPDX-License-Identifier: Apache-2.0
#include "kernel/user/strace/format.hpp"

#include "kernel/user/strace/errno_text.hpp"

#include <algorithm>

namespace runnel::user {
namespace {

constexpr usize kShownBytes = 32; // of a buffer, as strace shows
constexpr usize kShownPath = 256; // of a string
constexpr u32 kShownStrings = 8;  // of argv
constexpr u64 kLastErrno = 4095;

struct Name {
  u64 value;
  std::string_view name;
};

constexpr Name kOpenFlags[] = {{0100, "O_CREAT"},      {0200, "O_EXCL"},    {0400, "O_NOCTTY"},
                               {01000, "O_TRUNC"},     {02000, "O_APPEND"}, {04000, "O_NONBLOCK"},
                               {02000000, "O_CLOEXEC"}};
constexpr Name kProtections[] = {{1, "PROT_READ"}, {2, "PROT_WRITE"}, {4, "PROT_EXEC"}};
constexpr Name kMapFlags[] = {
    {1, "MAP_SHARED"},        {2, "MAP_PRIVATE"},       {0x10, "MAP_FIXED"},
    {0x20, "MAP_ANONYMOUS"},  {0x100, "MAP_GROWSDOWN"}, {0x4000, "MAP_NORESERVE"},
    {0x8000, "MAP_POPULATE"}, {0x20000, "MAP_STACK"},   {0x100000, "MAP_FIXED_NOREPLACE"}};
constexpr std::string_view kSignals[] = {
    "0",         "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};
constexpr std::string_view kClocks[] = {
    "CLOCK_REALTIME",       "CLOCK_MONOTONIC",       "CLOCK_PROCESS_CPUTIME_ID", "CLOCK_THREAD_CPUTIME_ID",
    "CLOCK_MONOTONIC_RAW",  "CLOCK_REALTIME_COARSE", "CLOCK_MONOTONIC_COARSE",   "CLOCK_BOOTTIME",
    "CLOCK_REALTIME_ALARM", "CLOCK_BOOTTIME_ALARM",  "CLOCK_SGI_CYCLE",          "CLOCK_TAI"};
constexpr std::string_view kFutexCalls[] = {
    "FUTEX_WAIT",           "FUTEX_WAKE",        "FUTEX_FD",          "FUTEX_REQUEUE",
    "FUTEX_CMP_REQUEUE",    "FUTEX_WAKE_OP",     "FUTEX_LOCK_PI",     "FUTEX_UNLOCK_PI",
    "FUTEX_TRYLOCK_PI",     "FUTEX_WAIT_BITSET", "FUTEX_WAKE_BITSET", "FUTEX_WAIT_REQUEUE_PI",
    "FUTEX_CMP_REQUEUE_PI", "FUTEX_LOCK_PI2"};

/// The bits of `value` that have names, joined by "|"; what is left over in hex. `begun`: a name stands
/// there.
template <usize N> void format_bits(Sink& sink, u64 value, const Name (&names)[N], std::string_view begun) {
  bool first = begun.empty();
  sink.write(begun);
  for (const Name& known : names)
    if ((value & known.value) != 0) {
      if (!first) sink.write("|");
      first = false;
      sink.write(known.name);
      value &= ~known.value;
    }
  if (value != 0) format_to(sink, first ? "{:#x}" : "|{:#x}", value);
  if (value == 0 && first) sink.write("0");
}

template <usize N> void format_one(Sink& sink, u64 value, const std::string_view (&names)[N]) {
  if (value < N)
    sink.write(names[value]);
  else
    format_to(sink, "{:#x}", value);
}

void format_open_flags(Sink& sink, u64 flags) {
  constexpr std::string_view kAccess[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
  format_bits(sink, flags & ~u64{3}, kOpenFlags, kAccess[flags & 3]);
}

void format_bytes(Sink& sink, std::string_view bytes) {
  sink.write("\"");
  for (usize i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    const auto code = static_cast<u8>(c);
    switch (c) {
    case '\n':
      sink.write("\\n");
      break;
    case '\t':
      sink.write("\\t");
      break;
    case '\r':
      sink.write("\\r");
      break;
    case '"':
    case '\\':
      sink.write("\\");
      sink.write({&c, 1});
      break;
    default:
      if (code >= ' ' && code < 0x7f) {
        sink.write({&c, 1});
      } else { // octal, in full where a digit follows
        const bool digit_follows = i + 1 < bytes.size() && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
        char digits[4] = {'\\', static_cast<char>('0' + (code >> 6)),
                          static_cast<char>('0' + (code >> 3 & 7)), static_cast<char>('0' + (code & 7))};
        const usize skipped = digit_follows || code >= 0100 ? 0 : code >= 010 ? 1 : 2;
        digits[skipped] = '\\';
        sink.write({digits + skipped, 4 - skipped});
      }
    }
  }
  sink.write("\"");
}

void format_pointer(Sink& sink, u64 address) {
  if (address == 0)
    sink.write("NULL");
  else
    format_to(sink, "{:#x}", address);
}

void format_buffer(Sink& sink, u64 address, u64 size, CallMemory& memory) {
  char bytes[kShownBytes];
  const usize wanted = std::min<u64>(size, sizeof bytes);
  if (memory.read(bytes, address, wanted) != wanted) return format_pointer(sink, address);
  format_bytes(sink, {bytes, wanted});
  if (size > wanted) sink.write("...");
}

void format_string(Sink& sink, u64 address, CallMemory& memory) {
  char bytes[kShownPath];
  usize size = 0; // in small pieces: what lies behind the NUL need not be there
  while (size < sizeof bytes && memory.read(bytes + size, address + size, 1) == 1 && bytes[size] != '\0')
    ++size;
  const bool has_end = size < sizeof bytes && memory.read(bytes + size, address + size, 1) == 1;
  if (size == 0 && !has_end) return format_pointer(sink, address);
  format_bytes(sink, {bytes, size});
  if (!has_end) sink.write("...");
}

void format_strings(Sink& sink, u64 address, CallMemory& memory) {
  u64 at = 0;
  if (address == 0 || memory.read(&at, address, sizeof at) != sizeof at) return format_pointer(sink, address);
  sink.write("[");
  for (u32 i = 0; at != 0; ++i) {
    if (i != 0) sink.write(", ");
    if (i == kShownStrings) {
      sink.write("...");
      break;
    }
    format_string(sink, at, memory);
    if (memory.read(&at, address + (i + 1) * sizeof at, sizeof at) != sizeof at) break;
  }
  sink.write("]");
}

void format_time(Sink& sink, u64 address, CallMemory& memory) {
  i64 time[2];
  if (address == 0 || memory.read(time, address, sizeof time) != sizeof time)
    return format_pointer(sink, address);
  format_to(sink, "{{tv_sec={}, tv_nsec={}}}", time[0], time[1]);
}

/// What only the call puts there.
bool is_known_after(Argument kind) { return kind == Argument::kFilled || kind == Argument::kTimeFilled; }

void format_argument(Sink& sink, const TracedCall& call, u32 i, i64 result, CallMemory& memory) {
  const u64 value = call.arguments[i];
  const auto word = static_cast<i32>(value);
  switch (static_cast<Argument>(call.kinds[i])) {
  case Argument::kFolder:
    if (word == -100) return sink.write("AT_FDCWD");
    [[fallthrough]];
  case Argument::kFd:
  case Argument::kSigned:
  case Argument::kPid:
    return format_to(sink, "{}", word);
  case Argument::kString:
    return format_string(sink, value, memory);
  case Argument::kFilled:
    if (result < 0) return format_pointer(sink, value);
    return format_buffer(sink, value, static_cast<u64>(result), memory);
  case Argument::kWritten:
    return format_buffer(sink, value, i + 1 < std::size(call.arguments) ? call.arguments[i + 1] : 0, memory);
  case Argument::kTimeFilled:
    if (result < 0) return format_pointer(sink, value);
    [[fallthrough]];
  case Argument::kTime:
    return format_time(sink, value, memory);
  case Argument::kStrings:
    return format_strings(sink, value, memory);
  case Argument::kRanges:
  case Argument::kPointer:
    return format_pointer(sink, value);
  case Argument::kUnsigned:
    return format_to(sink, "{}", value);
  case Argument::kMode: {
    char digits[24];
    usize n = sizeof digits;
    u64 rest = value & 0xffff'ffff;
    do digits[--n] = static_cast<char>('0' + rest % 8);
    while ((rest /= 8) != 0);
    if (digits[n] != '0') digits[--n] = '0';
    return sink.write({digits + n, sizeof digits - n});
  }
  case Argument::kSignal:
    return format_signal(sink, value & 0xffff'ffff);
  case Argument::kClock:
    return format_one(sink, value & 0xffff'ffff, kClocks);
  case Argument::kOpenFlags:
    return format_open_flags(sink, value & 0xffff'ffff);
  case Argument::kProtection:
    if (value == 0) return sink.write("PROT_NONE");
    return format_bits(sink, value, kProtections, "");
  case Argument::kMapFlags:
    return format_bits(sink, value, kMapFlags, "");
  case Argument::kFutex: {
    constexpr u64 kPrivate = 0x80, kRealtime = 0x100;
    format_one(sink, value & 0xffff'ffff & ~(kPrivate | kRealtime), kFutexCalls);
    if ((value & kPrivate) != 0) sink.write("_PRIVATE");
    if ((value & kRealtime) != 0) sink.write("|FUTEX_CLOCK_REALTIME");
    return;
  }
  case Argument::kFlags:
    break;
  }
  if (value == 0) return sink.write("0");
  format_to(sink, "{:#x}", value);
}

/// Calls that give an address.
bool gives_address(std::string_view name) {
  return name == "mmap" || name == "mremap" || name == "brk" || name == "shmat";
}

} // namespace

void format_signal(Sink& sink, u64 number) {
  constexpr u64 kFirstRealTime = 32, kLast = 64;
  if (number < std::size(kSignals))
    sink.write(kSignals[number]);
  else if (number <= kLast)
    format_to(sink, "SIGRT_{}", number - kFirstRealTime);
  else
    format_to(sink, "{}", number);
}

u32 format_entry(Sink& sink, const TracedCall& call, CallMemory& memory) {
  sink.write(call.name);
  sink.write("(");
  u32 i = 0;
  for (; i < call.kinds.size() && !is_known_after(static_cast<Argument>(call.kinds[i])); ++i) {
    if (i != 0) sink.write(", ");
    format_argument(sink, call, i, 0, memory);
  }
  return i;
}

void format_exit(Sink& sink, const TracedCall& call, u32 first, i64 result, CallMemory& memory) {
  for (u32 i = first; i < call.kinds.size(); ++i) {
    if (i != 0) sink.write(", ");
    format_argument(sink, call, i, result, memory);
  }
  sink.write(") = ");
  const bool is_error = result < 0 && result >= -static_cast<i64>(kLastErrno);
  const ErrnoText* const error = is_error ? errno_text(-result) : nullptr;
  if (error != nullptr)
    format_to(sink, "{} {} ({})", error->number > 511 ? "?" : "-1", error->name, error->text);
  else if (gives_address(call.name) && !is_error)
    format_to(sink, "{:#x}", static_cast<u64>(result));
  else
    format_to(sink, "{}", result);
}

} // namespace runnel::user
