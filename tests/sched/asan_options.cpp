// SPDX-License-Identifier: Apache-2.0
// A simulation allocates and frees much: a large quarantine of freed memory costs more time than it finds
// bugs.

extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "quarantine_size_mb=16:malloc_context_size=8"; }
