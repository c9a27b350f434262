// SPDX-License-Identifier: Apache-2.0
// Stands in for the kernel below it when pure parts of the kernel are built into host tests.
#ifdef RUNNEL_HOSTED

#include "kernel/debug/panic.hpp"

#include <cstdio>
#include <cstdlib>

namespace runnel::debug {

void vpanic(std::string_view fmt, std::span<const FormatArg> args) {
  char text[512];
  BufferSink sink{text};
  vformat(sink, fmt, args);
  std::fprintf(stderr, "panic: %.*s\n", static_cast<int>(sink.view().size()), sink.view().data());
  std::abort();
}

void assertion_failed(const char* what, const char* expression, const char* file, u32 line) {
  panic("{}: {} ({}:{})", what, expression, file, line);
}

} // namespace runnel::debug

#endif
