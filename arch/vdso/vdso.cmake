# SPDX-License-Identifier: Apache-2.0
# The vDSO as a shared object, and an assembler file that has it inside, for the kernel.
function(runnel_add_vdso arch)
  set(folder ${PROJECT_SOURCE_DIR}/arch/vdso)
  set(target vdso-${arch})
  add_library(${target} SHARED ${folder}/vdso.cpp)
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME vdso-${arch} SUFFIX .so
    LINK_DEPENDS "${folder}/vdso.ld;${folder}/${arch}.map")
  # The kernel's red zone and stack rules do not hold here: it runs on the stack of whoever calls it.
  target_compile_options(${target} PRIVATE --target=${arch}-linux-gnu -O2 -g0 -fPIC -ffreestanding -nostdinc++
    -fno-exceptions -fno-rtti -fno-stack-protector -fno-semantic-interposition -mgeneral-regs-only
    -fasynchronous-unwind-tables -fcf-protection=none -isystem/usr/include/c++/12
    $<IF:$<STREQUAL:${arch},x86_64>,-isystem/usr/include/x86_64-linux-gnu/c++/12,-isystem/usr/aarch64-linux-gnu/include/c++/12/aarch64-linux-gnu>
    ${RUNNEL_WARNINGS})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/arch/include)
  target_link_options(${target} PRIVATE --target=${arch}-linux-gnu -fuse-ld=lld -nostdlib
    -Wl,-T,${folder}/vdso.ld -Wl,--version-script=${folder}/${arch}.map -Wl,-soname=linux-vdso.so.1
    -Wl,-Bsymbolic -Wl,--hash-style=both -Wl,-z,rodynamic -Wl,-z,max-page-size=4096 -Wl,--build-id=none
    -Wl,--eh-frame-hdr -Wl,--strip-all -Wl,--no-undefined)
  set(image ${CMAKE_CURRENT_BINARY_DIR}/${target}.S)
  file(CONFIGURE OUTPUT ${image} CONTENT ".section .rodata.vdso, \"a\"
.balign 16
.global runnel_vdso_start, runnel_vdso_end
runnel_vdso_start:
.incbin \"${CMAKE_CURRENT_BINARY_DIR}/${target}.so\"
runnel_vdso_end:
.section .note.GNU-stack, \"\", %progbits
" @ONLY)
  set_source_files_properties(${image} PROPERTIES OBJECT_DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/${target}.so)
  set(RUNNEL_VDSO_IMAGE ${image} PARENT_SCOPE)
endfunction()
