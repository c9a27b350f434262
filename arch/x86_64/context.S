// SPDX-License-Identifier: Apache-2.0
// The switch from one kernel thread's stack to another's.

  .text

// ThreadInfo* runnel_context_switch(Context* prev, const Context* next, ThreadInfo* prev_thread, ThreadInfo* next_thread)
  .global runnel_context_switch
  .type runnel_context_switch, @function
  .balign 16
runnel_context_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq (%rsi), %rsp
  movq %rcx, %gs:8                // current
  movq %rdx, %rax                 // who was switched away from, for the resumed side
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size runnel_context_switch, . - runnel_context_switch

// First instructions of a new thread: context_init put this address where `ret` above finds it. The stack is aligned
// as after a call; the zero above it ends every backtrace.
  .global runnel_thread_entry
  .type runnel_thread_entry, @function
runnel_thread_entry:
  movq %rax, %rdi
  xorl %ebp, %ebp
  call runnel_thread_start
  ud2
  .size runnel_thread_entry, . - runnel_thread_entry
