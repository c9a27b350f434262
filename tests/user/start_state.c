// SPDX-License-Identifier: Apache-2.0
// What a program finds when it starts: registers, stack, arguments and auxiliary vector (linux_abi 3.2
// to 3.4). No libc has run before: its own entry point keeps what was there.
#include "tests/user/ktap.h"

#include <elf.h>
#include <stdint.h>
#include <sys/auxv.h>

extern char** environ;

__attribute__((used)) static uint64_t entry_sp, entry_registers[31]; // written by probe_start

#ifdef __aarch64__
__asm__(".globl probe_start\n"
        "probe_start:\n"
        "  stp x0, x1, [sp, #-16]!\n"
        "  adrp x1, entry_registers\n"
        "  add x1, x1, :lo12:entry_registers\n"
        "  ldr x0, [sp], #8\n"
        "  str x0, [x1]\n"
        "  ldr x0, [sp], #8\n"
        "  str x0, [x1, #8]\n"
        "  stp x2, x3, [x1, #16]\n"
        "  stp x4, x5, [x1, #32]\n"
        "  stp x6, x7, [x1, #48]\n"
        "  stp x8, x9, [x1, #64]\n"
        "  stp x10, x11, [x1, #80]\n"
        "  stp x12, x13, [x1, #96]\n"
        "  stp x14, x15, [x1, #112]\n"
        "  stp x16, x17, [x1, #128]\n"
        "  stp x18, x19, [x1, #144]\n"
        "  stp x20, x21, [x1, #160]\n"
        "  stp x22, x23, [x1, #176]\n"
        "  stp x24, x25, [x1, #192]\n"
        "  stp x26, x27, [x1, #208]\n"
        "  stp x28, x29, [x1, #224]\n"
        "  str x30, [x1, #240]\n"
        "  adrp x1, entry_sp\n"
        "  add x1, x1, :lo12:entry_sp\n"
        "  mov x0, sp\n"
        "  str x0, [x1]\n"
        "  mov x0, #0\n"
        "  mov x1, #0\n"
        "  b _start\n");
#else
__asm__(".globl probe_start\n"
        "probe_start:\n"
        "  movq %rax, entry_registers(%rip)\n"
        "  leaq entry_registers(%rip), %rax\n"
        "  movq %rbx, 8(%rax)\n"
        "  movq %rcx, 16(%rax)\n"
        "  movq %rdx, 24(%rax)\n"
        "  movq %rsi, 32(%rax)\n"
        "  movq %rdi, 40(%rax)\n"
        "  movq %rbp, 48(%rax)\n"
        "  movq %r8, 56(%rax)\n"
        "  movq %r9, 64(%rax)\n"
        "  movq %r10, 72(%rax)\n"
        "  movq %r11, 80(%rax)\n"
        "  movq %r12, 88(%rax)\n"
        "  movq %r13, 96(%rax)\n"
        "  movq %r14, 104(%rax)\n"
        "  movq %r15, 112(%rax)\n"
        "  movq %rsp, entry_sp(%rip)\n"
        "  xorl %eax, %eax\n"
        "  jmp _start\n");
#endif

int main(int argc, char** argv) {
  plan(14);
  uint64_t set = 0;
  for (int i = 0; i < 31; ++i) set |= entry_registers[i];
  check_named(set == 0, "all general registers are 0");
  check_named(entry_sp % 16 == 0, "the stack pointer is a multiple of 16");
  const uint64_t* stack = (const uint64_t*)entry_sp;
  check_named(stack[0] == (uint64_t)argc, "argc is on the stack");
  check_named((char**)&stack[1] == argv, "argv follows it");
  check_named(argv[argc] == NULL, "argv ends with NULL");
  check_named(environ == &argv[argc + 1], "the environment follows argv");
  check(getauxval(AT_PAGESZ) == 4096);
  check(getauxval(AT_PHENT) == sizeof(Elf64_Phdr));
  const Elf64_Phdr* header = (const Elf64_Phdr*)getauxval(AT_PHDR);
  check_named(header != NULL && getauxval(AT_PHNUM) > 2, "AT_PHDR and AT_PHNUM describe program headers");
  check(getauxval(AT_ENTRY) != 0);
  check_named(getauxval(AT_RANDOM) != 0, "AT_RANDOM points to 16 bytes");
  check(getauxval(AT_SECURE) == 0);
  const char* name = (const char*)getauxval(AT_EXECFN);
  check_named(name != NULL && strstr(name, "start_state") != NULL, "AT_EXECFN is the program's path");
  const char* platform = (const char*)getauxval(AT_PLATFORM);
#ifdef __aarch64__
  check_named(platform != NULL && strcmp(platform, "aarch64") == 0, "AT_PLATFORM is the architecture");
#else
  check_named(platform != NULL && strcmp(platform, "x86_64") == 0, "AT_PLATFORM is the architecture");
#endif
  return finished();
}
