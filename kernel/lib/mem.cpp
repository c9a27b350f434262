// SPDX-License-Identifier: Apache-2.0
// The C functions that compiled code calls on its own (memcpy & co.) and the few ends of the standard library
// that its headers refer to. Word-wise where that is aligned; built so that no loop is turned into a call to
// itself.
#ifndef RUNNEL_HOSTED

#include "kernel/debug/panic.hpp"
#include "kernel/lib/types.hpp"

#define RUNNEL_NO_BUILTIN __attribute__((no_builtin, no_sanitize("undefined")))

namespace {

using namespace runnel;

// A word that may alias anything and lie anywhere.
using Word [[gnu::may_alias, gnu::aligned(1)]] = u64;
constexpr usize kWord = sizeof(u64);
constexpr usize kBlock = 8 * kWord; // the loops' own instructions are few beside its loads and stores

u8* bytes(void* p) { return static_cast<u8*>(p); }
const u8* bytes(const void* p) { return static_cast<const u8*>(p); }

[[gnu::always_inline]] inline void copy_block(u8* to, const u8* from) {
  Word* const t = reinterpret_cast<Word*>(to);
  const Word* const f = reinterpret_cast<const Word*>(from);
  const u64 a = f[0], b = f[1], c = f[2], d = f[3], e = f[4], g = f[5], h = f[6], i = f[7];
  t[0] = a, t[1] = b, t[2] = c, t[3] = d, t[4] = e, t[5] = g, t[6] = h, t[7] = i;
}

/// Forwards; it never overwrites what is still to be read where `to` lies before `from`.
[[gnu::always_inline]] RUNNEL_NO_BUILTIN inline void copy_up(u8* t, const u8* f, usize n) {
  for (; n >= kBlock; n -= kBlock, t += kBlock, f += kBlock) copy_block(t, f);
  for (; n >= kWord; n -= kWord, t += kWord, f += kWord)
    *reinterpret_cast<Word*>(t) = *reinterpret_cast<const Word*>(f);
  for (; n != 0; --n) *t++ = *f++;
}

} // namespace

extern "C" {

RUNNEL_NO_BUILTIN void* memcpy(void* __restrict to, const void* __restrict from, usize n) {
  copy_up(bytes(to), bytes(from), n);
  return to;
}

RUNNEL_NO_BUILTIN void* memmove(void* to, const void* from, usize n) {
  u8* t = bytes(to);
  const u8* f = bytes(from);
  if (t <= f || t >= f + n) {
    copy_up(t, f, n);
    return to;
  }
  for (; n >= kWord; n -= kWord)
    *reinterpret_cast<Word*>(t + n - kWord) = *reinterpret_cast<const Word*>(f + n - kWord);
  for (; n != 0; --n) t[n - 1] = f[n - 1];
  return to;
}

RUNNEL_NO_BUILTIN void* memset(void* to, int value, usize n) {
  u8* t = bytes(to);
  const u8 byte = static_cast<u8>(value);
  const u64 word = byte * u64{0x0101'0101'0101'0101};
  for (; n >= kBlock; n -= kBlock, t += kBlock) {
    Word* const w = reinterpret_cast<Word*>(t);
    w[0] = word, w[1] = word, w[2] = word, w[3] = word, w[4] = word, w[5] = word, w[6] = word, w[7] = word;
  }
  for (; n >= kWord; n -= kWord, t += kWord) *reinterpret_cast<Word*>(t) = word;
  for (; n != 0; --n) *t++ = byte;
  return to;
}

RUNNEL_NO_BUILTIN int memcmp(const void* a, const void* b, usize n) {
  const u8* x = bytes(a);
  const u8* y = bytes(b);
  for (; n >= kWord; n -= kWord, x += kWord, y += kWord)
    if (*reinterpret_cast<const Word*>(x) != *reinterpret_cast<const Word*>(y)) break;
  for (; n != 0; --n, ++x, ++y)
    if (*x != *y) return *x - *y;
  return 0;
}

RUNNEL_NO_BUILTIN int bcmp(const void* a, const void* b, usize n) { return memcmp(a, b, n); }

RUNNEL_NO_BUILTIN void* memchr(const void* in, int value, usize n) {
  const u8* p = bytes(in);
  for (; n != 0; --n, ++p)
    if (*p == static_cast<u8>(value)) return const_cast<u8*>(p);
  return nullptr;
}

RUNNEL_NO_BUILTIN usize strlen(const char* text) {
  usize n = 0;
  while (text[n] != '\0') ++n;
  return n;
}

[[noreturn]] void abort() { panic("abort() called"); }
[[noreturn]] void __cxa_pure_virtual() { panic("pure virtual function called"); }

} // extern "C"

// What libstdc++'s headers call where a hosted program would throw.
namespace std {
void __throw_out_of_range(const char* what) { panic("{}", what); }
void __throw_out_of_range_fmt(const char* what, ...) { panic("out of range: {}", what); }
void __throw_length_error(const char* what) { panic("{}", what); }
void __throw_logic_error(const char* what) { panic("{}", what); }
void __throw_invalid_argument(const char* what) { panic("{}", what); }
void __throw_bad_alloc() { panic("bad_alloc"); }
void __throw_bad_array_new_length() { panic("bad array length"); }
void __throw_bad_function_call() { panic("empty std::function called"); }
void __throw_bad_optional_access() { panic("empty optional read"); }
void __throw_bad_variant_access(const char* what) { panic("{}", what); }
// ABI tag of libstdc++'s assertions (_GLIBCXX_ASSERTIONS).
[[noreturn]] void __glibcxx_assert_fail(const char* file, int line, const char* function,
                                        const char* condition) noexcept {
  panic("{}:{}: {}: {}", file, line, function, condition);
}
} // namespace std

#endif
