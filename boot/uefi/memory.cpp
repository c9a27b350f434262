// SPDX-License-Identifier: Apache-2.0
// The functions a compiler may call of its own accord. Compiled without the idiom recognition that would turn
// them into calls of themselves.
#include <cstddef>
#include <cstdint>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t bytes);
void* memmove(void* to, const void* from, std::size_t bytes);
void* memset(void* to, int value, std::size_t bytes);
int memcmp(const void* a, const void* b, std::size_t bytes);

void* memcpy(void* to, const void* from, std::size_t bytes) {
  auto* out = static_cast<std::uint8_t*>(to);
  const auto* in = static_cast<const std::uint8_t*>(from);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = in[i];
  return to;
}

void* memmove(void* to, const void* from, std::size_t bytes) {
  auto* out = static_cast<std::uint8_t*>(to);
  const auto* in = static_cast<const std::uint8_t*>(from);
  if (out <= in) return memcpy(to, from, bytes);
  while (bytes-- != 0) out[bytes] = in[bytes];
  return to;
}

void* memset(void* to, int value, std::size_t bytes) {
  auto* out = static_cast<std::uint8_t*>(to);
  const std::uint64_t pattern = 0x0101'0101'0101'0101 * static_cast<std::uint8_t>(value);
  std::size_t i = 0;
  for (; i < bytes && reinterpret_cast<std::uintptr_t>(out + i) % 8 != 0; ++i)
    out[i] = static_cast<std::uint8_t>(value);
  for (; i + 8 <= bytes; i += 8) *reinterpret_cast<std::uint64_t*>(out + i) = pattern;
  for (; i < bytes; ++i) out[i] = static_cast<std::uint8_t>(value);
  return to;
}

int memcmp(const void* a, const void* b, std::size_t bytes) {
  const auto* x = static_cast<const std::uint8_t*>(a);
  const auto* y = static_cast<const std::uint8_t*>(b);
  for (std::size_t i = 0; i < bytes; ++i)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}

} // extern "C"
