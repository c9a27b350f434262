// SPDX-License-Identifier: Apache-2.0
// The 32 vector registers of 128 bits, FPSR and FPCR to and from an area as in struct fpsimd_context: u32 fpsr,
// u32 fpcr, then v0..v31. CPACR_EL1.FPEN lets it.

  .arch_extension fp
  .arch_extension simd

  .macro all_pairs instruction
  \instruction q0, q1, [x1]
  \instruction q2, q3, [x1, #32]
  \instruction q4, q5, [x1, #64]
  \instruction q6, q7, [x1, #96]
  \instruction q8, q9, [x1, #128]
  \instruction q10, q11, [x1, #160]
  \instruction q12, q13, [x1, #192]
  \instruction q14, q15, [x1, #224]
  \instruction q16, q17, [x1, #256]
  \instruction q18, q19, [x1, #288]
  \instruction q20, q21, [x1, #320]
  \instruction q22, q23, [x1, #352]
  \instruction q24, q25, [x1, #384]
  \instruction q26, q27, [x1, #416]
  \instruction q28, q29, [x1, #448]
  \instruction q30, q31, [x1, #480]
  .endm

  .text
  // runnel_fpu_save(x0 area)
  .global runnel_fpu_save
  .type runnel_fpu_save, %function
runnel_fpu_save:
  add x1, x0, #8
  all_pairs stp
  mrs x2, fpsr
  mrs x3, fpcr
  stp w2, w3, [x0]
  ret

  // runnel_fpu_load(x0 area)
  .global runnel_fpu_load
  .type runnel_fpu_load, %function
runnel_fpu_load:
  add x1, x0, #8
  all_pairs ldp
  ldp w2, w3, [x0]
  msr fpsr, x2
  msr fpcr, x3
  ret

  .section .note.GNU-stack, "", %progbits
