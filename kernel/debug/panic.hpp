// SPDX-License-Identifier: Apache-2.0
// The end of a run that cannot go on: says why, shows every CPU's stack, leaves with its own exit code.
#pragma once

#include "kernel/lib/format.hpp"

namespace runnel {

namespace debug {
/// Reports "runnel: panic TEXT" with registers and the backtraces of all CPUs, then exits with kPanic. Any
/// context, any locks held, any number of times. (Host builds print the text and abort.)
[[noreturn]] void vpanic(std::string_view fmt, std::span<const FormatArg> args);
} // namespace debug

template <typename... Args> [[noreturn]] void panic(std::string_view fmt, const Args&... args) {
  const FormatArg list[] = {FormatArg(args)..., FormatArg(false)};
  debug::vpanic(fmt, std::span(list, sizeof...(Args)));
}

namespace debug {
[[noreturn]] void assertion_failed(const char* what, const char* expression, const char* file, u32 line);
} // namespace debug

} // namespace runnel

/// Panics when `cond` holds, in every build.
#define RUNNEL_BUG_ON(cond)                                                                                  \
  do {                                                                                                       \
    if (cond) [[unlikely]]                                                                                   \
      ::runnel::debug::assertion_failed("bug", #cond, __FILE__, __LINE__);                                   \
  } while (false)

/// Panics in debug builds when `cond` does not hold; release builds evaluate nothing.
#ifdef RUNNEL_DEBUG
#define RUNNEL_ASSERT(cond)                                                                                  \
  do {                                                                                                       \
    if (!(cond)) [[unlikely]]                                                                                \
      ::runnel::debug::assertion_failed("assertion failed", #cond, __FILE__, __LINE__);                      \
  } while (false)
#else
#define RUNNEL_ASSERT(cond)                                                                                  \
  do {                                                                                                       \
    static_cast<void>(sizeof((cond) ? 1 : 0));                                                               \
  } while (false)
#endif
