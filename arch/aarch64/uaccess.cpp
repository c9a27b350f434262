// SPDX-License-Identifier: Apache-2.0
// User memory by exception table: a fault of a marked instruction continues at its fixup. Copies: uaccess.S.
#include <arch/uaccess.hpp>

extern "C" {
runnel::usize runnel_uaccess_copy_from(void* to, runnel::u64 from, runnel::usize size);
runnel::usize runnel_uaccess_copy_to(runnel::u64 to, const void* from, runnel::usize size);
runnel::usize runnel_uaccess_clear(runnel::u64 to, runnel::usize size);
}

// clang-format off
#define RUNNEL_FIXUP(at, resume) ".pushsection .runnel.fixups, \"a\"\n\t.quad " at ", " resume "\n\t.popsection\n\t"
// clang-format on

namespace runnel::arch {

usize uaccess_copy_from(void* to, u64 from, usize size) { return runnel_uaccess_copy_from(to, from, size); }
usize uaccess_copy_to(u64 to, const void* from, usize size) { return runnel_uaccess_copy_to(to, from, size); }
usize uaccess_clear(u64 to, usize size) { return runnel_uaccess_clear(to, size); }

bool uaccess_load(u64 from, u32 size, u64& value) {
  u64 word = 0;
  u32 bad = 0;
#define RUNNEL_LOAD(instruction)                                                                             \
  asm volatile("1: " instruction ", [%[from]]\n\t"                                                           \
               "b 3f\n"                                                                                      \
               "2: mov %w[bad], #1\n"                                                                        \
               "3:\n\t" RUNNEL_FIXUP("1b", "2b")                                                             \
               : [word] "=&r"(word), [bad] "+r"(bad)                                                         \
               : [from] "r"(from)                                                                            \
               : "memory");                                                                                  \
  break
  switch (size) {
  case 1:
    RUNNEL_LOAD("ldtrb %w[word]");
  case 2:
    RUNNEL_LOAD("ldtrh %w[word]");
  case 4:
    RUNNEL_LOAD("ldtr %w[word]");
  default:
    RUNNEL_LOAD("ldtr %[word]");
  }
#undef RUNNEL_LOAD
  if (bad == 0) value = word;
  return bad == 0;
}

bool uaccess_store(u64 to, u32 size, u64 value) {
  u32 bad = 0;
#define RUNNEL_STORE(instruction)                                                                            \
  asm volatile("1: " instruction ", [%[to]]\n\t"                                                             \
               "b 3f\n"                                                                                      \
               "2: mov %w[bad], #1\n"                                                                        \
               "3:\n\t" RUNNEL_FIXUP("1b", "2b")                                                             \
               : [bad] "+r"(bad)                                                                             \
               : [word] "r"(value), [to] "r"(to)                                                             \
               : "memory");                                                                                  \
  break
  switch (size) {
  case 1:
    RUNNEL_STORE("sttrb %w[word]");
  case 2:
    RUNNEL_STORE("sttrh %w[word]");
  case 4:
    RUNNEL_STORE("sttr %w[word]");
  default:
    RUNNEL_STORE("sttr %[word]");
  }
#undef RUNNEL_STORE
  return bad == 0;
}

bool uaccess_compare_exchange(u64 at, u32 size, u64& expected, u64 desired) {
  u64 seen = expected;
  u32 bad = 0;
  // There is no unprivileged exclusive access: PAN is lifted for this one. A fault inside runs with PAN set
  // (the exception sets it) and comes back with what was. The barrier after it: casal alone lets a later load
  // pass.
#define RUNNEL_CAS(r)                                                                                        \
  asm volatile("msr pan, #0\n"                                                                               \
               "1: casal %" r "[seen], %" r "[desired], [%[at]]\n\t"                                         \
               "b 3f\n"                                                                                      \
               "2: mov %w[bad], #1\n"                                                                        \
               "3: msr pan, #1\n\t"                                                                          \
               "dmb ish\n\t" RUNNEL_FIXUP("1b", "2b")                                                        \
               : [seen] "+&r"(seen), [bad] "+&r"(bad)                                                        \
               : [desired] "r"(desired), [at] "r"(at)                                                        \
               : "memory")
  if (size == 4)
    RUNNEL_CAS("w");
  else
    RUNNEL_CAS("");
#undef RUNNEL_CAS
  if (bad != 0) return false;
  expected = size == 4 ? static_cast<u32>(seen) : seen;
  return true;
}

} // namespace runnel::arch
