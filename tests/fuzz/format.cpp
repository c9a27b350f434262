// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the formatter behind printk. Any format with any arguments writes inside its buffer and
// says so when that was too small; text without braces comes out as it went in.
#include "kernel/lib/format.hpp"

#include <cstdlib>
#include <cstring>

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runnel;
  if (size < 8) return 0;
  u64 number = 0;
  std::memcpy(&number, data, sizeof number);
  const std::string_view fmt(reinterpret_cast<const char*>(data) + 8, size - 8);
  char buffer[256];
  std::memset(buffer, 0x5a, sizeof buffer);
  const usize room = number % 200;
  BufferSink sink(std::span(buffer, room));
  format_to(sink, fmt, number, static_cast<i64>(number), fmt, 'c', true, static_cast<const void*>(data),
            CpuId{3});
  require(sink.view().size() <= room);
  for (usize i = room; i < sizeof buffer; ++i) require(buffer[i] == 0x5a);
  if (fmt.find_first_of("{}") == std::string_view::npos) {
    require(sink.view() == fmt.substr(0, room));
    require(sink.truncated() == (fmt.size() > room));
  }
  return 0;
}
