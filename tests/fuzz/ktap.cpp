// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: what the host tool reads from a guest's serial port, line by line. A damaged guest may
// say anything.
#include "qemu/ktap.hpp"
#include "qemu/protocol.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace runnel::qemu;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  KtapParser parser;
  std::size_t log_bytes = 0;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    static_cast<void>(parse_protocol_line(line));
    const auto result = parser.take(line);
    if (!result) continue;
    log_bytes += result->log.size();
    if (result->verdict != KtapVerdict::kSkipped && !result->reason.empty()) std::abort();
  }
  // Every line is in one log at most, with its end.
  if (log_bytes + parser.unfinished_log().size() > size + 1) std::abort();
  return 0;
}
