# SPDX-License-Identifier: Apache-2.0
# How a kernel image is made: freestanding objects per architecture, linked twice so that the second link
# carries the first one's symbol table (for backtraces on a machine that has no file system).

set(RUNNEL_KERNEL_FLAGS
  -nostdinc++ -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-stack-protector
  -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-pic -fno-omit-frame-pointer
  -mno-omit-leaf-frame-pointer -ffunction-sections -fdata-sections -fno-common
  -fno-math-errno -ftrivial-auto-var-init=pattern)
# Not -mgeneral-regs-only on x86_64: with it clang refuses the long double in libstdc++'s headers.
set(RUNNEL_FLAGS_x86_64 --target=x86_64-linux-gnu -mno-sse -mno-sse2 -mno-mmx -mno-avx -mno-red-zone -mcmodel=kernel -fcf-protection=none
  -isystem/usr/include/c++/12 -isystem/usr/include/x86_64-linux-gnu/c++/12)
set(RUNNEL_FLAGS_aarch64 --target=aarch64-linux-gnu -mgeneral-regs-only -march=armv8.1-a -mno-outline-atomics
  -mbranch-protection=none
  -isystem/usr/aarch64-linux-gnu/include/c++/12 -isystem/usr/aarch64-linux-gnu/include/c++/12/aarch64-linux-gnu)
# Small functions of other files are inlined across files: a switch takes a fifth fewer instructions.
set(RUNNEL_RELEASE_FLAGS -flto=thin)
set(RUNNEL_DEBUG_FLAGS -fsanitize=undefined -fsanitize-trap=undefined -fno-sanitize=function,vptr)

# The flags every freestanding object of `arch` is compiled with.
function(runnel_kernel_object target arch)
  target_compile_options(${target} PRIVATE
    ${RUNNEL_FLAGS_${arch}}
    $<$<COMPILE_LANGUAGE:CXX>:${RUNNEL_KERNEL_FLAGS} ${RUNNEL_WARNINGS}>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Debug>>:${RUNNEL_DEBUG_FLAGS}>
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Release>>:${RUNNEL_RELEASE_FLAGS}>)
  target_compile_definitions(${target} PRIVATE RUNNEL_KERNEL=1 $<$<CONFIG:Debug>:RUNNEL_DEBUG=1>)
  target_include_directories(${target} PRIVATE
    ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/arch/include ${PROJECT_SOURCE_DIR}/arch/${arch}/include
    ${PROJECT_SOURCE_DIR}/sched/include ${PROJECT_SOURCE_DIR}/kernel/sched_port)
endfunction()

# Links `name`.elf from object libraries, with its own symbol table inside.
function(runnel_link_image name arch)
  list(TRANSFORM ARGN REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
  set(script ${PROJECT_SOURCE_DIR}/linker/kernel-${arch}.ld)
  set(link_options --target=${arch}-linux-gnu -fuse-ld=lld -nostdlib -static
    -Wl,-T,${script} -Wl,-L,${PROJECT_SOURCE_DIR}/linker -Wl,--gc-sections -Wl,-z,noexecstack
    -Wl,-z,max-page-size=4096 -Wl,--build-id=none -Wl,--orphan-handling=error
    # The second link, and the test image, find what the first one has compiled.
    $<$<CONFIG:Release>:-Wl,--thinlto-cache-dir=${PROJECT_BINARY_DIR}/lto-cache -Wl,--lto-O2>)
  set(empty ${PROJECT_SOURCE_DIR}/linker/ksyms-empty.S)

  add_executable(${name}.pass1 ${objects} ${empty})
  add_executable(${name}.elf ${objects} ${CMAKE_CURRENT_BINARY_DIR}/${name}.ksyms.S)
  foreach(target IN ITEMS ${name}.pass1 ${name}.elf)
    target_compile_options(${target} PRIVATE ${RUNNEL_FLAGS_${arch}})
    target_link_options(${target} PRIVATE ${link_options})
    set_target_properties(${target} PROPERTIES LINK_DEPENDS "${script};${PROJECT_SOURCE_DIR}/linker/sections.ld")
    target_link_libraries(${target} PRIVATE)
  endforeach()
  add_custom_command(OUTPUT ${name}.ksyms.S
    COMMAND sh ${PROJECT_SOURCE_DIR}/linker/ksyms.sh $<TARGET_FILE:${name}.pass1> ${name}.ksyms.S
    DEPENDS ${name}.pass1 ${PROJECT_SOURCE_DIR}/linker/ksyms.sh VERBATIM)
  if(arch STREQUAL aarch64)
    # QEMU hands the device tree and the initrd only to an Image, not to an ELF.
    add_custom_command(TARGET ${name}.elf POST_BUILD
      COMMAND llvm-objcopy-19 -O binary $<TARGET_FILE:${name}.elf> ${CMAKE_CURRENT_BINARY_DIR}/${name}.img VERBATIM)
  endif()
endfunction()

include(arch/vdso/vdso.cmake)

# What the standard headers would have from a library that is not there.
set_source_files_properties(${PROJECT_SOURCE_DIR}/kernel/lib/mem.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON
  COMPILE_OPTIONS $<$<CONFIG:Release>:-fno-lto>) # memcpy and memset are called by what the compiler makes last

function(runnel_add_kernel arch)
  file(GLOB_RECURSE core CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/kernel/*.cpp ${PROJECT_SOURCE_DIR}/sched/*.cpp ${PROJECT_SOURCE_DIR}/ns/*.cpp
    ${PROJECT_SOURCE_DIR}/arch/${arch}/*.cpp ${PROJECT_SOURCE_DIR}/arch/${arch}/*.S
    ${PROJECT_SOURCE_DIR}/boot/direct/*.cpp ${PROJECT_SOURCE_DIR}/boot/direct/${arch}/*.cpp ${PROJECT_SOURCE_DIR}/boot/direct/${arch}/*.S)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/tests/target/*.cpp ${PROJECT_SOURCE_DIR}/tests/target/${arch}/*.S)
  list(FILTER core EXCLUDE REGEX "/sched/sim/") # the host's ground
  foreach(other IN LISTS RUNNEL_ARCHES)
    if(NOT other STREQUAL arch)
      list(FILTER tests EXCLUDE REGEX "/tests/target/${other}/")
      list(FILTER core EXCLUDE REGEX "/boot/direct/${other}/")
    endif()
  endforeach()
  runnel_add_vdso(${arch})
  add_library(core-${arch} OBJECT ${core} ${RUNNEL_VDSO_IMAGE})
  add_library(tests-${arch} OBJECT ${tests})
  runnel_kernel_object(core-${arch} ${arch})
  runnel_kernel_object(tests-${arch} ${arch})
  target_precompile_headers(core-${arch} PRIVATE ${RUNNEL_STANDARD_HEADERS})
  target_precompile_headers(tests-${arch} REUSE_FROM core-${arch})
  runnel_link_image(runnel-${arch} ${arch} core-${arch})
  runnel_link_image(runnel-test-${arch} ${arch} core-${arch} tests-${arch})
endfunction()
