// SPDX-License-Identifier: Apache-2.0
// kernel/log/ring: the newest whole lines, against a plain string.
#include "kernel/log/ring.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using runnel::log::Ring;

namespace {

/// What is expected: the last `room` characters of the kept ones, from the beginning of a line on.
std::string expected(const std::string& all, std::size_t ring_size, std::size_t room) {
  const std::size_t kept = std::min(all.size(), ring_size);
  std::size_t from = all.size() - std::min(kept, room);
  const bool known = from > all.size() - kept;
  if (from != 0 && !(known && all[from - 1] == '\n')) {
    const auto newline = all.find('\n', from);
    from = newline == std::string::npos ? all.size() : newline + 1;
  }
  return all.substr(from);
}

} // namespace

TEST_CASE("log ring: agrees with a string for every amount written and asked for", "[log]") {
  for (const std::size_t line_length : {1u, 3u, 7u, 40u}) {
    Ring<32> ring;
    std::string all;
    for (std::size_t i = 0; i < 200; ++i) {
      const char c = (i + 1) % line_length == 0 ? '\n' : static_cast<char>('a' + i % 26);
      ring.put(c);
      all += c;
      for (const std::size_t room : {0u, 1u, 5u, 31u, 32u, 33u, 100u}) {
        std::vector<char> buffer(room);
        const std::string got{ring.copy_recent(buffer)};
        if (got != expected(all, 32, room)) FAIL("'" << got << "' after " << all.size() << ", room " << room);
      }
    }
    CHECK(ring.written() == 200);
  }
}
