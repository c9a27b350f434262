// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the kernel command line. What is accepted points into the line; what is not is named.
#include "kernel/cmdline/cmdline.hpp"

#include <cstdlib>

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runnel;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto options = cmdline::parse(line);
  if (options) {
    require(inside(options->tests, line));
    require(options->verb == cmdline::Verb::kTest || options->tests.empty());
    require(options->limit.ns >= 0);
    return 0;
  }
  require(inside(options.error().word, line));
  char text[512];
  BufferSink sink(text);
  cmdline::describe(options.error(), sink);
  require(!sink.view().empty());
  return 0;
}
