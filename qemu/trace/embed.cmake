# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a C++ file with the text of each of INPUTS (a comma-separated list) as a string_view named for it:
# view/data.js becomes runnel::qemu::view::data_js. Run by cmake -P.
string(REPLACE "," ";" INPUTS "${INPUTS}")
set(text "// Made by qemu/trace/embed.cmake.\n#include \"qemu/trace/page.hpp\"\n\nnamespace runnel::qemu::view {\n")
foreach(input IN LISTS INPUTS)
  get_filename_component(name ${input} NAME)
  string(REPLACE "." "_" name ${name})
  file(READ ${input} content)
  string(FIND "${content}" ")embedded\"" clash)
  if(NOT clash EQUAL -1)
    message(FATAL_ERROR "${input} holds the end of a raw string")
  endif()
  string(APPEND text "const std::string_view ${name} = R\"embedded(${content})embedded\";\n")
endforeach()
string(APPEND text "} // namespace runnel::qemu::view\n")
file(WRITE ${OUTPUT} "${text}")
