// SPDX-License-Identifier: Apache-2.0
// User memory by exception table: a fault of a marked instruction continues at its fixup.
#include "arch/x86_64/user_mode.hpp"

#include <arch/uaccess.hpp>
#include <arch/user_access.hpp>

namespace runnel::arch {
namespace {

// clang-format off
#define RUNNEL_FIXUP(at, resume) ".pushsection .runnel.fixups, \"a\"\n\t.quad " at ", " resume "\n\t.popsection\n\t"
// clang-format on

/// Words, then bytes; a fault among the words goes on with bytes, so that all up to the bad one is copied.
usize copy(void* to, const void* from, usize size) {
  usize words = size >> 3;
  usize rest = size & 7;
  const UserAccess open;
  asm volatile("1: rep movsq\n\t"
               "movq %[rest], %%rcx\n"
               "2: rep movsb\n\t"
               "jmp 4f\n"
               "3: leaq (%[rest], %%rcx, 8), %%rcx\n\t"
               "jmp 2b\n"
               "4:\n\t" RUNNEL_FIXUP("1b", "3b") RUNNEL_FIXUP("2b", "4b")
               : "+c"(words), "+D"(to), "+S"(from)
               : [rest] "r"(rest)
               : "memory", "cc");
  return words;
}

#define RUNNEL_LOAD(suffix, type)                                                                            \
  {                                                                                                          \
    type word = 0;                                                                                           \
    asm volatile("1: mov" suffix " (%[from]), %[word]\n"                                                     \
                 "jmp 3f\n"                                                                                  \
                 "2: movl $1, %[bad]\n"                                                                      \
                 "3:\n\t" RUNNEL_FIXUP("1b", "2b")                                                           \
                 : [word] "=&q"(word), [bad] "+r"(bad)                                                       \
                 : [from] "r"(from)                                                                          \
                 : "memory");                                                                                \
    if (bad == 0) value = word;                                                                              \
    break;                                                                                                   \
  }

#define RUNNEL_STORE(suffix, type)                                                                           \
  asm volatile("1: mov" suffix " %[word], (%[to])\n"                                                         \
               "jmp 3f\n"                                                                                    \
               "2: movl $1, %[bad]\n"                                                                        \
               "3:\n\t" RUNNEL_FIXUP("1b", "2b")                                                             \
               : [bad] "+r"(bad)                                                                             \
               : [word] "q"(static_cast<type>(value)), [to] "r"(to)                                          \
               : "memory");                                                                                  \
  break

} // namespace

usize uaccess_copy_from(void* to, u64 from, usize size) {
  return copy(to, reinterpret_cast<const void*>(from), size);
}
usize uaccess_copy_to(u64 to, const void* from, usize size) {
  return copy(reinterpret_cast<void*>(to), from, size);
}

usize uaccess_clear(u64 to, usize size) {
  usize words = size >> 3;
  usize rest = size & 7;
  const UserAccess open;
  asm volatile("1: rep stosq\n\t"
               "movq %[rest], %%rcx\n"
               "2: rep stosb\n\t"
               "jmp 4f\n"
               "3: leaq (%[rest], %%rcx, 8), %%rcx\n\t"
               "jmp 2b\n"
               "4:\n\t" RUNNEL_FIXUP("1b", "3b") RUNNEL_FIXUP("2b", "4b")
               : "+c"(words), "+D"(to)
               : [rest] "r"(rest), "a"(0ul)
               : "memory", "cc");
  return words;
}

bool uaccess_load(u64 from, u32 size, u64& value) {
  u32 bad = 0;
  const UserAccess open;
  switch (size) {
  case 1:
    RUNNEL_LOAD("b", u8)
  case 2:
    RUNNEL_LOAD("w", u16)
  case 4:
    RUNNEL_LOAD("l", u32)
  default:
    RUNNEL_LOAD("q", u64)
  }
  return bad == 0;
}

bool uaccess_store(u64 to, u32 size, u64 value) {
  u32 bad = 0;
  const UserAccess open;
  switch (size) {
  case 1:
    RUNNEL_STORE("b", u8);
  case 2:
    RUNNEL_STORE("w", u16);
  case 4:
    RUNNEL_STORE("l", u32);
  default:
    RUNNEL_STORE("q", u64);
  }
  return bad == 0;
}

bool uaccess_compare_exchange(u64 at, u32 size, u64& expected, u64 desired) {
  u32 bad = 0;
  u64 seen = expected;
  const UserAccess open;
  if (size == 4)
    asm volatile("1: lock cmpxchgl %k[desired], (%[at])\n"
                 "jmp 3f\n"
                 "2: movl $1, %[bad]\n"
                 "3:\n\t" RUNNEL_FIXUP("1b", "2b")
                 : "+a"(seen), [bad] "+r"(bad)
                 : [desired] "r"(desired), [at] "r"(at)
                 : "memory", "cc");
  else
    asm volatile("1: lock cmpxchgq %[desired], (%[at])\n"
                 "jmp 3f\n"
                 "2: movl $1, %[bad]\n"
                 "3:\n\t" RUNNEL_FIXUP("1b", "2b")
                 : "+a"(seen), [bad] "+r"(bad)
                 : [desired] "r"(desired), [at] "r"(at)
                 : "memory", "cc");
  if (bad != 0) return false;
  expected = size == 4 ? static_cast<u32>(seen) : seen;
  return true;
}

} // namespace runnel::arch
